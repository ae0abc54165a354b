//! Slot numbers of every table (format section 3).

/// `MetadataItem`
pub mod metadata_item {
    pub const NAME: usize = 0;
    pub const VALUE: usize = 1;
}

/// `Snapshot`
pub mod snapshot {
    pub const ID: usize = 0;
    pub const PARENT_ID: usize = 1;
    pub const NODES: usize = 2;
    pub const FLUSHED_AT: usize = 3;
    pub const MESSAGE: usize = 4;
    pub const METADATA: usize = 5;
    pub const MANIFEST_FILES: usize = 6;
    pub const MANIFEST_FILES_V2: usize = 7;
}

/// `NodeSnapshot`
pub mod node {
    pub const ID: usize = 0;
    pub const PATH: usize = 1;
    pub const USER_DATA: usize = 2;
    pub const DATA_TYPE: usize = 3;
    pub const DATA: usize = 4;

    pub const TYPE_ARRAY: u8 = 1;
    pub const TYPE_GROUP: u8 = 2;
}

/// `ArrayNodeData`
pub mod array {
    pub const SHAPE: usize = 0;
    pub const DIMENSION_NAMES: usize = 1;
    pub const MANIFESTS: usize = 2;
    pub const SHAPE_V2: usize = 3;
}

/// `DimensionName`
pub mod dimension_name {
    pub const NAME: usize = 0;
}

/// `DimensionShapeV2`
pub mod dimension_shape {
    pub const ARRAY_LENGTH: usize = 0;
    pub const NUM_CHUNKS: usize = 1;
}

/// `ManifestRef`
pub mod manifest_ref {
    pub const OBJECT_ID: usize = 0;
    pub const EXTENTS: usize = 1;
}

/// `ManifestFileInfoV2`
pub mod manifest_file {
    pub const ID: usize = 0;
    pub const SIZE_BYTES: usize = 1;
    pub const NUM_CHUNK_REFS: usize = 2;
}

/// `Manifest`
pub mod manifest {
    pub const ID: usize = 0;
    pub const ARRAYS: usize = 1;
    pub const LOCATION_DICTIONARY: usize = 2;
    pub const COMPRESSION_ALGORITHM: usize = 3;

    pub const ALGORITHM_NONE: u8 = 0;
    /// zstd with a dictionary: the default when the slot is absent.
    pub const ALGORITHM_ZSTD: u8 = 1;
}

/// `ArrayManifest`
pub mod array_manifest {
    pub const NODE_ID: usize = 0;
    pub const REFS: usize = 1;
}

/// `ChunkRef`
pub mod chunk_ref {
    pub const INDEX: usize = 0;
    pub const INLINE: usize = 1;
    pub const OFFSET: usize = 2;
    pub const LENGTH: usize = 3;
    pub const CHUNK_ID: usize = 4;
    pub const LOCATION: usize = 5;
    pub const CHECKSUM_ETAG: usize = 6;
    pub const CHECKSUM_LAST_MODIFIED: usize = 7;
    pub const COMPRESSED_LOCATION: usize = 8;
}

/// `TransactionLog`.  Arrays come before groups in the two updated lists, unlike the other pairs.
pub mod transaction_log {
    pub const ID: usize = 0;
    pub const NEW_GROUPS: usize = 1;
    pub const NEW_ARRAYS: usize = 2;
    pub const DELETED_GROUPS: usize = 3;
    pub const DELETED_ARRAYS: usize = 4;
    pub const UPDATED_ARRAYS: usize = 5;
    pub const UPDATED_GROUPS: usize = 6;
    pub const UPDATED_CHUNKS: usize = 7;
    pub const MOVED_NODES: usize = 8;
}

/// `ArrayUpdatedChunks`
pub mod updated_chunks {
    pub const NODE_ID: usize = 0;
    pub const CHUNKS: usize = 1;
}

/// `ChunkIndices`
pub mod chunk_indices {
    pub const COORDS: usize = 0;
}

/// `MoveOperation`
pub mod move_operation {
    pub const FROM: usize = 0;
    pub const TO: usize = 1;
    pub const NODE_ID: usize = 2;
    pub const NODE_TYPE: usize = 3;
}

/// `Repo`
pub mod repo {
    pub const SPEC_VERSION: usize = 0;
    pub const TAGS: usize = 1;
    pub const BRANCHES: usize = 2;
    pub const DELETED_TAGS: usize = 3;
    pub const SNAPSHOTS: usize = 4;
    pub const STATUS: usize = 5;
    pub const METADATA: usize = 6;
    pub const LATEST_UPDATES: usize = 7;
    pub const REPO_BEFORE_UPDATES: usize = 8;
    pub const CONFIG: usize = 9;
    pub const ENABLED_FEATURE_FLAGS: usize = 10;
    pub const DISABLED_FEATURE_FLAGS: usize = 11;
}

/// `Ref`
pub mod reference {
    pub const NAME: usize = 0;
    pub const SNAPSHOT_INDEX: usize = 1;
}

/// `SnapshotInfo`
pub mod snapshot_info {
    pub const ID: usize = 0;
    pub const PARENT_OFFSET: usize = 1;
    pub const FLUSHED_AT: usize = 2;
    pub const MESSAGE: usize = 3;
    pub const METADATA: usize = 4;
    pub const PRUNED_ANCESTOR_TX_LOGS: usize = 5;
}

/// `RepoStatus`
pub mod repo_status {
    pub const AVAILABILITY: usize = 0;
    pub const SET_AT: usize = 1;
    pub const LIMITED_AVAILABILITY_REASON: usize = 2;
}

/// `Update`
pub mod update {
    pub const UPDATE_TYPE: usize = 0;
    pub const VALUE: usize = 1;
    pub const UPDATED_AT: usize = 2;
    pub const BACKUP_PATH: usize = 3;
}
