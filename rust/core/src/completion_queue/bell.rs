//! Waking an event loop that watches a file descriptor.

pub use system::Bell;

#[cfg(unix)]
mod system {
    use std::io::{ErrorKind, Read, Result, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// Two sockets; both live as long as anybody may ring, so nobody ever writes to a closed one.
    #[derive(Debug)]
    pub struct Bell {
        rope: UnixStream,
        ear: UnixStream,
    }

    impl Bell {
        pub fn new() -> Result<Self> {
            let (rope, ear) = UnixStream::pair()?;
            rope.set_nonblocking(true)?;
            ear.set_nonblocking(true)?;
            Ok(Self { rope, ear })
        }

        pub fn fileno(&self) -> i32 {
            self.ear.as_raw_fd()
        }

        /// Make the descriptor readable.  A full socket is readable already.
        pub fn ring(&self) {
            while (&self.rope).write(&[1]).is_err_and(|error| error.kind() == ErrorKind::Interrupted) {}
        }

        /// Take back what was rung so far.
        pub fn silence(&self) {
            while (&self.ear).read(&mut [0; 64]).is_ok_and(|count| count == 64) {}
        }
    }
}

/// Other systems' event loops watch no descriptors; there such reads are made in threads.
#[cfg(not(unix))]
mod system {
    use std::io::{Error, ErrorKind, Result};

    #[derive(Debug)]
    pub struct Bell;

    impl Bell {
        pub fn new() -> Result<Self> {
            Err(Error::from(ErrorKind::Unsupported))
        }

        pub fn fileno(&self) -> i32 {
            -1
        }

        pub fn ring(&self) {}

        pub fn silence(&self) {}
    }
}
