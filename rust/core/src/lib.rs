//! The Icechunk format, object stores and chunk look-up, without Python.
