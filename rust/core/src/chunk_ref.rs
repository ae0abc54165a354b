//! Where the bytes of one chunk are (format section 5.1).

use std::sync::Arc;

use bytes::Bytes;

use crate::ObjectId12;

/// What a fetched virtual chunk is compared with (format section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// The object's etag, exactly as the user gave it.
    Etag(Arc<str>),
    /// Seconds since 1970; the object must not be newer.
    LastModified(u32),
}

/// Where the bytes of one chunk are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChunkRef {
    /// In the manifest.
    Inline(Bytes),
    /// A range of an object of the repository.
    Native {
        /// Names the object.
        id: ObjectId12,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// A range of somebody else's object.
    Virtual {
        /// URL of the object.
        location: Arc<str>,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Refuses an object that has changed since.
        checksum: Option<Checksum>,
    },
}

impl ChunkRef {
    /// Number of bytes of the chunk.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Inline(data) => data.len() as u64,
            Self::Native { length, .. } | Self::Virtual { length, .. } => *length,
        }
    }
}
