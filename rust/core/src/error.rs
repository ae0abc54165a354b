//! The one error type of the core.

use std::fmt;

/// What went wrong, by the kinds that the Python package publishes.
///
/// The text of each variant is the `kind` of the Python exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file that is not what its key says it is.
    InvalidFileFormat,
    /// Written by a newer version of the format.
    UnsupportedSpecVersion,
    /// Not possible in this version of the format.
    UnsupportedOperation,
    /// A value inside a file could not be decoded.
    Deserialization,
    /// A value could not be encoded.
    Serialization,
    /// An object that a file refers to is not there.
    ObjectNotFound,
    /// A snapshot that the repository does not list.
    SnapshotNotFound,
    /// The object store refused or failed.
    ObjectStore,
    /// The disk refused or failed.
    Io,
    /// A change that may have happened, or has happened and may not last: only a look tells.
    OutcomeUnknown,
    /// A conditional write or read whose condition did not hold.
    Conflict,
    /// A store that cannot be written to.
    ReadOnlyStorage,
    /// Options of a store that make no sense.
    StorageConfig,
    /// The bucket or container is not there, so nothing in it is.
    MissingBucket,
    /// The store asked to slow down, more often than we retry.
    Throttled,
    /// An object shorter than what a reference says.
    InvalidObjectSize,
    /// A byte range outside a chunk.
    InvalidByteRange,
    /// A chunk index outside the grid, or of the wrong rank.
    InvalidChunkIndex,
    /// A manifest that its snapshot does not list.
    ManifestInfoNotFound,
    /// Ended by the embedding program, as by Ctrl-C.
    Interrupted,
    /// A caller's argument.
    InvalidInput,
    /// A broken promise of our own.
    Internal,
}

impl ErrorKind {
    /// The text of the kind, as `frazil.errors.ErrorKind` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFileFormat => "invalid-file-format",
            Self::UnsupportedSpecVersion => "unsupported-spec-version",
            Self::UnsupportedOperation => "unsupported-operation-for-version",
            Self::Deserialization => "deserialization",
            Self::Serialization => "serialization",
            Self::ObjectNotFound => "object-not-found",
            Self::SnapshotNotFound => "snapshot-not-found",
            Self::ObjectStore => "object-store",
            Self::Io => "io",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Conflict => "precondition-failed",
            Self::ReadOnlyStorage => "read-only-storage",
            Self::StorageConfig => "storage-config",
            Self::MissingBucket => "missing-bucket",
            Self::Throttled => "throttled",
            Self::InvalidObjectSize => "invalid-object-size",
            Self::InvalidByteRange => "invalid-byte-range",
            Self::InvalidChunkIndex => "invalid-chunk-index",
            Self::ManifestInfoNotFound => "manifest-info-not-found",
            Self::Interrupted => "interrupted",
            Self::InvalidInput => "invalid-input",
            Self::Internal => "unknown",
        }
    }
}

/// An error with the operations it passed through, innermost first.
#[derive(Debug, Clone)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// One sentence, saying what to do next where that is known.
    pub message: String,
    /// `operation key=value ...` lines, innermost first.
    pub context: Vec<String>,
}

impl Error {
    /// An error without context.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), context: Vec::new() }
    }

    /// A file that does not hold what it should.
    pub fn format(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidFileFormat, message)
    }

    /// The same error, seen from one operation further out.
    #[must_use]
    pub fn within(mut self, operation: impl Into<String>) -> Self {
        self.context.push(operation.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The result of anything in the core that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Name the operation that an error passed through.
pub trait Within<T> {
    /// Add `operation` to the error's context, made only when there is an error.
    fn within<S: Into<String>>(self, operation: impl FnOnce() -> S) -> Result<T>;
}

impl<T> Within<T> for Result<T> {
    fn within<S: Into<String>>(self, operation: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|e| e.within(operation()))
    }
}
