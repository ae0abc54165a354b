//! The list of manifest files of a snapshot, in both versions of the format.

use crate::format::SpecVersion;
use crate::format::file_builder::{FileBuilder, Written};
use crate::format::flatbuffer::Table;
use crate::format::metadata::Budget;
use crate::format::schema::{manifest_file, snapshot as schema};
use crate::{Error, ObjectId, ObjectId12, Result};

/// A manifest file that a snapshot refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestFile {
    /// Names the file.
    pub id: ObjectId12,
    /// Exact size of the stored object.
    pub size_bytes: u64,
    /// References in the file.
    pub num_chunk_refs: u32,
}

/// The list of `root`, sorted by id.
pub(super) fn read(root: &Table<'_>, budget: &mut Budget) -> Result<Vec<ManifestFile>> {
    let mut files = Vec::new();
    if let Some(tables) = root.offsets(schema::MANIFEST_FILES_V2)? {
        for table in tables.tables() {
            let table = table?;
            budget.spend(size_of::<ManifestFile>())?;
            files.push(ManifestFile {
                id: ObjectId(table.required_inline(manifest_file::ID, "manifest id")?),
                size_bytes: table.u64(manifest_file::SIZE_BYTES)?,
                num_chunk_refs: table.u32(manifest_file::NUM_CHUNK_REFS)?,
            });
        }
    } else {
        for raw in root.required_structs::<32>(schema::MANIFEST_FILES, "list of manifest files")? {
            files.push(split_file_info(raw).ok_or_else(|| Error::format("a manifest file entry is broken"))?);
        }
    }
    // Look-ups are binary searches; a file that is not sorted is read all the same.
    files.sort_by_key(|file| file.id);
    Ok(files)
}

/// The struct `ManifestFileInfo`: id, padding, size, number of references, padding.
fn split_file_info(raw: &[u8; 32]) -> Option<ManifestFile> {
    let (id, rest) = raw.split_first_chunk::<12>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (count, _) = rest.split_first_chunk::<4>()?;
    Some(ManifestFile {
        id: ObjectId(*id),
        size_bytes: u64::from_le_bytes(*size),
        num_chunk_refs: u32::from_le_bytes(*count),
    })
}

fn join_file_info(file: &ManifestFile) -> [u64; 4] {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(file.id.as_bytes()) {
        *to = *from;
    }
    let id = u128::from_le_bytes(id);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    [id as u64, (id >> 64) as u64, file.size_bytes, u64::from(file.num_chunk_refs)]
}

/// The lists of version 1 and version 2; the other is empty or absent.
pub(super) fn write(
    file: &mut FileBuilder,
    files: &[ManifestFile],
    spec_version: SpecVersion,
) -> Result<(Written, Option<Written>)> {
    if spec_version == SpecVersion::V1 {
        let structs: Vec<[u64; 4]> = files.iter().map(join_file_info).collect();
        return Ok((file.word_structs(&structs)?, None));
    }
    let mut tables = Vec::with_capacity(files.len());
    for info in files {
        tables.push(file.table(|fields| {
            fields.u64(manifest_file::SIZE_BYTES, info.size_bytes);
            fields.u32(manifest_file::NUM_CHUNK_REFS, info.num_chunk_refs);
            fields.id(manifest_file::ID, info.id.as_bytes());
        })?);
    }
    Ok((file.word_structs::<4>(&[])?, Some(file.offsets(&tables)?)))
}
