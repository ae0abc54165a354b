//! The types of FlexBuffers, as they are numbered.

pub(super) const NULL: u8 = 0;
pub(super) const INT: u8 = 1;
pub(super) const UINT: u8 = 2;
pub(super) const FLOAT: u8 = 3;
pub(super) const KEY: u8 = 4;
pub(super) const STRING: u8 = 5;
pub(super) const INDIRECT_INT: u8 = 6;
pub(super) const INDIRECT_UINT: u8 = 7;
pub(super) const INDIRECT_FLOAT: u8 = 8;
pub(super) const MAP: u8 = 9;
pub(super) const VECTOR: u8 = 10;
pub(super) const VECTOR_INT: u8 = 11; // then UInt and Float, as the scalars are numbered
pub(super) const VECTOR_KEY: u8 = 14;
pub(super) const VECTOR_STRING: u8 = 15;
pub(super) const VECTOR_INT2: u8 = 16;
pub(super) const VECTOR_FLOAT4: u8 = 24;
pub(super) const BLOB: u8 = 25;
pub(super) const BOOL: u8 = 26;
pub(super) const VECTOR_BOOL: u8 = 36;
