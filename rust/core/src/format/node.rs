//! The nodes of a snapshot (format sections 3.3 and 6).

use super::SpecVersion;
use super::file_builder::{FileBuilder, Written};
use super::flatbuffer::Table;
use super::metadata::Budget;
use super::schema::{array, dimension_name, dimension_shape, manifest_ref, node as slot};
use crate::{Error, ErrorKind, Extent, NodeId, ObjectId, ObjectId12, Result};

/// One dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DimensionShape {
    /// Elements.
    pub array_length: u64,
    /// Chunks.
    pub num_chunks: u32,
}

/// A manifest that holds references of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRef {
    /// Names the file.
    pub id: ObjectId12,
    /// The bounding box of the references.
    pub extents: Vec<Extent>,
}

/// What an array has beyond its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayData {
    /// One per dimension.
    pub shape: Vec<DimensionShape>,
    /// None if the document has none; one per dimension, None if unnamed.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// Regions that do not overlap.
    pub manifests: Vec<ManifestRef>,
}

/// A group or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Kept for the life of the node.
    pub id: NodeId,
    /// Absolute.
    pub path: String,
    /// `zarr.json`, byte for byte.
    pub user_data: Vec<u8>,
    /// None for a group.
    pub array: Option<ArrayData>,
}

/// A node in the buffer of its snapshot.
#[derive(Clone, Copy)]
pub struct NodeView<'a> {
    table: Table<'a>,
}

impl<'a> NodeView<'a> {
    pub(crate) fn new(table: Table<'a>) -> Self {
        Self { table }
    }

    /// Absolute path.
    pub fn path(&self) -> Result<&'a str> {
        self.table.required_string(slot::PATH, "node path")
    }

    /// Kept for the life of the node.
    pub fn id(&self) -> Result<NodeId> {
        self.table.required_inline(slot::ID, "node id").map(ObjectId)
    }

    /// `zarr.json`, byte for byte.
    pub fn user_data(&self) -> Result<&'a [u8]> {
        self.table.required_bytes(slot::USER_DATA, "node document")
    }

    /// Whether it is an array; the only other kind is a group.
    pub fn is_array(&self) -> Result<bool> {
        match self.table.u8(slot::DATA_TYPE)? {
            slot::TYPE_ARRAY => Ok(true),
            slot::TYPE_GROUP => Ok(false),
            other => Err(Error::format(format!("{other} is not a kind of node"))),
        }
    }

    fn array_table(&self) -> Result<Table<'a>> {
        self.table.required_table(slot::DATA, "array data")
    }

    /// The ids of the manifests of an array, in order; none for a group.
    pub fn manifest_ids(&self) -> Result<Vec<ObjectId12>> {
        if !self.is_array()? {
            return Ok(Vec::new());
        }
        let manifests = self.array_table()?.required_offsets(array::MANIFESTS, "list of manifests")?;
        manifests
            .tables()
            .map(|table| table?.required_inline(manifest_ref::OBJECT_ID, "manifest id").map(ObjectId))
            .collect()
    }

    /// The chunk length that a version 1 file gives each dimension; None if the file does not say.
    pub fn chunk_lengths(&self) -> Result<Option<Vec<u64>>> {
        let table = self.array_table()?;
        if table.has(array::SHAPE_V2) {
            return Ok(None);
        }
        let shape = table.required_structs::<16>(array::SHAPE, "array shape")?;
        Ok(Some(shape.iter().map(|raw| split_words(raw).1).collect()))
    }

    /// The node on its own.
    pub(crate) fn read(&self, budget: &mut Budget) -> Result<Node> {
        let (path, user_data) = (self.path()?, self.user_data()?);
        budget.spend(path.len() + user_data.len())?;
        let array = if self.is_array()? { Some(read_array(&self.array_table()?, budget)?) } else { None };
        Ok(Node { id: self.id()?, path: path.to_owned(), user_data: user_data.to_owned(), array })
    }
}

fn split_words(raw: &[u8; 16]) -> (u64, u64) {
    let value = u128::from_le_bytes(*raw);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    (value as u64, (value >> 64) as u64)
}

fn read_array(table: &Table<'_>, budget: &mut Budget) -> Result<ArrayData> {
    let mut shape = Vec::new();
    if let Some(dimensions) = table.offsets(array::SHAPE_V2)? {
        for dimension in dimensions.tables() {
            let dimension = dimension?;
            budget.spend(16)?;
            shape.push(DimensionShape {
                array_length: dimension.u64(dimension_shape::ARRAY_LENGTH)?,
                num_chunks: dimension.u32(dimension_shape::NUM_CHUNKS)?,
            });
        }
    } else {
        let dimensions = table.required_structs::<16>(array::SHAPE, "array shape")?;
        budget.spend(dimensions.len() * 16)?;
        for raw in dimensions {
            let (array_length, chunk_length) = split_words(raw);
            shape.push(DimensionShape { array_length, num_chunks: num_chunks(array_length, chunk_length)? });
        }
    }
    let dimension_names = match table.offsets(array::DIMENSION_NAMES)? {
        None => None,
        Some(names) => {
            let mut list = Vec::new();
            for table in names.tables() {
                let name = table?.string(dimension_name::NAME)?;
                budget.spend(16 + name.map_or(0, str::len))?;
                list.push(name.map(str::to_owned));
            }
            Some(list)
        }
    };
    let mut manifests = Vec::new();
    for table in table.required_offsets(array::MANIFESTS, "list of manifests")?.tables() {
        let table = table?;
        let extents = table.required_structs::<8>(manifest_ref::EXTENTS, "manifest extents")?;
        budget.spend(32 + extents.len() * 8)?;
        manifests.push(ManifestRef {
            id: ObjectId(table.required_inline(manifest_ref::OBJECT_ID, "manifest id")?),
            extents: extents.iter().map(split_extent).collect(),
        });
    }
    Ok(ArrayData { shape, dimension_names, manifests })
}

fn split_extent(raw: &[u8; 8]) -> Extent {
    let value = u64::from_le_bytes(*raw);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    (value as u32, (value >> 32) as u32)
}

/// Chunks of a dimension of a version 1 file (format section 3.3).
fn num_chunks(array_length: u64, chunk_length: u64) -> Result<u32> {
    if array_length == 0 {
        return Ok(0);
    }
    if chunk_length == 0 {
        return Err(Error::format("a dimension has elements but chunks of length 0"));
    }
    u32::try_from(array_length.div_ceil(chunk_length))
        .map_err(|_| Error::format("a dimension has more than 2^32 chunks"))
}

impl Node {
    /// Write the node; `chunk_lengths` are used in version 1 where they fit the number of chunks.
    pub(crate) fn write(
        &self,
        file: &mut FileBuilder,
        spec_version: SpecVersion,
        chunk_lengths: Option<&[u64]>,
    ) -> Result<Written> {
        let data = match &self.array {
            None => file.table(|_| {})?,
            Some(array) => write_array(file, array, &self.path, spec_version, chunk_lengths)?,
        };
        let user_data = file.bytes(&self.user_data)?;
        let path = file.string(&self.path)?;
        file.table(|fields| {
            fields.offset(slot::DATA, data);
            fields.offset(slot::USER_DATA, user_data);
            fields.offset(slot::PATH, path);
            fields.id(slot::ID, self.id.as_bytes());
            fields.u8(slot::DATA_TYPE, if self.array.is_some() { slot::TYPE_ARRAY } else { slot::TYPE_GROUP }, 0);
        })
    }
}

fn write_array(
    file: &mut FileBuilder,
    data: &ArrayData,
    path: &str,
    spec_version: SpecVersion,
    chunk_lengths: Option<&[u64]>,
) -> Result<Written> {
    let mut manifests = Vec::with_capacity(data.manifests.len());
    for manifest in &data.manifests {
        let extents = file.u32_pairs(&manifest.extents)?;
        manifests.push(file.table(|fields| {
            fields.offset(manifest_ref::EXTENTS, extents);
            fields.id(manifest_ref::OBJECT_ID, manifest.id.as_bytes());
        })?);
    }
    let manifests = file.offsets(&manifests)?;
    let names = match &data.dimension_names {
        None => None,
        Some(names) => {
            let mut tables = Vec::with_capacity(names.len());
            for name in names {
                // An empty name means an unnamed dimension (format section 6.3).
                let name = file.maybe_string(name.as_deref().filter(|name| !name.is_empty()))?;
                tables.push(file.table(|fields| fields.maybe(dimension_name::NAME, name))?);
            }
            Some(file.offsets(&tables)?)
        }
    };
    let (shape, shape_v2) = match spec_version {
        SpecVersion::V1 => (file.word_structs(&shape_v1(data, path, chunk_lengths)?)?, None),
        SpecVersion::V2 => {
            let mut dimensions = Vec::with_capacity(data.shape.len());
            for dimension in &data.shape {
                dimensions.push(file.table(|fields| {
                    fields.u64(dimension_shape::ARRAY_LENGTH, dimension.array_length);
                    fields.u32(dimension_shape::NUM_CHUNKS, dimension.num_chunks);
                })?);
            }
            (file.word_structs::<2>(&[])?, Some(file.offsets(&dimensions)?))
        }
    };
    file.table(|fields| {
        fields.offset(array::SHAPE, shape);
        fields.maybe(array::DIMENSION_NAMES, names);
        fields.offset(array::MANIFESTS, manifests);
        fields.maybe(array::SHAPE_V2, shape_v2);
    })
}

/// Array and chunk length of each dimension.
fn shape_v1(data: &ArrayData, path: &str, chunk_lengths: Option<&[u64]>) -> Result<Vec<[u64; 2]>> {
    if chunk_lengths.is_some_and(|lengths| lengths.len() != data.shape.len()) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{path} needs one chunk length per dimension")));
    }
    data.shape
        .iter()
        .enumerate()
        .map(|(axis, dimension)| {
            let given = chunk_lengths.and_then(|lengths| lengths.get(axis)).copied();
            let length = given.unwrap_or_else(|| match u64::from(dimension.num_chunks) {
                0 => 0,
                chunks => dimension.array_length.div_ceil(chunks),
            });
            match num_chunks(dimension.array_length, length) {
                Ok(chunks) if chunks == dimension.num_chunks => Ok([dimension.array_length, length]),
                _ => Err(Error::new(
                    ErrorKind::UnsupportedOperation,
                    format!(
                        "dimension {axis} of {path} has {} elements in {} chunks, which version 1 of the format cannot \
                         store; migrate the repository to version 2",
                        dimension.array_length, dimension.num_chunks
                    ),
                )),
            }
        })
        .collect()
}
