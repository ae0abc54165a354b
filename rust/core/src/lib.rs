//! The Icechunk format, object stores and chunk look-up, without Python.

pub mod error;
pub mod interrupt;
pub mod storage;

pub use error::{Error, ErrorKind, Result, Within};
