//! What the files of a repository mean: bytes in, values out.

pub mod envelope;
pub(crate) mod file_builder;
pub(crate) mod flatbuffer;
pub mod flexbuffer;
mod frames;
mod identity;
pub mod manifest;
pub mod manifest_builder;
pub(crate) mod metadata;
pub mod msgpack;
pub mod node;
pub mod repo_info;
#[allow(missing_docs, reason = "the names are those of the format's description")]
pub(crate) mod schema;
pub mod snapshot;
pub(crate) mod table_block;
pub mod transaction_log;
pub mod update;
pub mod values;

pub use envelope::{FileType, Header, SpecVersion};
pub use manifest::Manifest;
pub use manifest_builder::ManifestBuilder;
pub use metadata::MetadataItems;
pub use node::Node;
pub use repo_info::RepoInfo;
pub use snapshot::Snapshot;
pub use transaction_log::TransactionLog;
