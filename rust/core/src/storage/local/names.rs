//! Names of ours in a directory that are not objects.

use std::io;

use rand::TryRngCore;
use rand::rngs::OsRng;

/// The file whose lock guards conditional writes, in the root.
pub const LOCK: &str = ".frazil-lock";

/// Start of the names of files that are not complete yet; what a crash leaves of them is garbage.
const TEMPORARY: &str = ".frazil-tmp-";

/// A fresh name for an incomplete file.
///
/// The operating system is asked, not a generator of this process: forked processes would draw the same names.
pub fn temporary() -> io::Result<String> {
    let mut random = [0; 16];
    OsRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
    Ok(format!("{TEMPORARY}{:032x}", u128::from_ne_bytes(random)))
}

/// Whether listings leave the file out.
pub fn is_hidden(name: &str) -> bool {
    name == LOCK || is_temporary(name)
}

/// Whether a file is an incomplete one of ours.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// Whether a file of another program in this format is an incomplete one: `<name>#<number>`.
pub fn is_foreign_temporary(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
