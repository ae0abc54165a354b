//! Builds manifest files (format sections 3.4, 5.4 and 7.2).

mod builder;
mod dictionary;
mod locations;
mod merged;
mod plan;
mod recent;
mod refs;

pub use builder::ManifestBuilder;
pub use dictionary::LocationCompression;
pub use merged::{MergedRefs, Run, RunLimits};
