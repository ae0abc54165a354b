//! What one commit changed (format sections 3.5 and 8).

use super::envelope::{self, FileType, Header, SpecVersion};
use super::file_builder::{FileBuilder, Shape, Written};
use super::flatbuffer::{Offsets, Table};
use super::identity;
use super::metadata::Budget;
use super::schema::{chunk_indices, move_operation, transaction_log as schema, updated_chunks};
use crate::coord_set::{CoordSet, CoordSetBuilder};
use crate::{Error, NodeId, ObjectId, ObjectId12, Result};

/// What kind of node has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NodeType {
    /// A group.
    Group = 0,
    /// An array.
    Array = 1,
}

impl NodeType {
    /// The type of a number.
    pub fn from_number(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Group),
            1 => Ok(Self::Array),
            other => Err(Error::format(format!("{other} is not a kind of node that can move"))),
        }
    }
}

/// One node that has another path now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The path in the base snapshot.
    pub from: String,
    /// The path now.
    pub to: String,
    /// The node.
    pub node_id: NodeId,
    /// Its kind.
    pub node_type: NodeType,
}

/// What one commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Groups that the commit made.
    pub new_groups: Vec<NodeId>,
    /// Arrays that it made.
    pub new_arrays: Vec<NodeId>,
    /// Groups that it deleted.
    pub deleted_groups: Vec<NodeId>,
    /// Arrays that it deleted.
    pub deleted_arrays: Vec<NodeId>,
    /// Groups whose document it changed.
    pub updated_groups: Vec<NodeId>,
    /// Arrays whose document it changed.
    pub updated_arrays: Vec<NodeId>,
    /// Chunks that it set or deleted.
    pub updated_chunks: Vec<(NodeId, CoordSet)>,
    /// Nodes that it moved.
    pub moves: Vec<Move>,
}

/// A decoded transaction log.
#[derive(Debug, Clone)]
pub struct TransactionLog {
    /// Writer and version of the file.
    pub header: Header,
    /// The id of the snapshot.
    pub id: ObjectId12,
    /// What is in it.
    pub changes: Changes,
}

impl TransactionLog {
    /// The log in the file `data`, which is stored as that of the snapshot `expected`.
    pub fn decode(data: &[u8], expected: ObjectId12) -> Result<Self> {
        let (header, body) = envelope::decode(data, FileType::TransactionLog)?;
        let root = Table::root(&body)?;
        let id = identity::check("transaction log", expected, root.required_inline(schema::ID, "snapshot id")?)?;
        let mut budget = Budget::for_file(body.len());
        let mut ids = |slot: usize, name: &str| -> Result<Vec<NodeId>> {
            let raw = root.required_structs::<8>(slot, name)?;
            budget.spend(8 * raw.len())?;
            let mut ids: Vec<NodeId> = raw.iter().map(|id| ObjectId(*id)).collect();
            ids.dedup();
            Ok(ids)
        };
        let (new_groups, new_arrays) =
            (ids(schema::NEW_GROUPS, "list of new groups")?, ids(schema::NEW_ARRAYS, "list of new arrays")?);
        let (deleted_groups, deleted_arrays) = (
            ids(schema::DELETED_GROUPS, "list of deleted groups")?,
            ids(schema::DELETED_ARRAYS, "list of deleted arrays")?,
        );
        let (updated_groups, updated_arrays) = (
            ids(schema::UPDATED_GROUPS, "list of updated groups")?,
            ids(schema::UPDATED_ARRAYS, "list of updated arrays")?,
        );
        let chunks = root.required_offsets(schema::UPDATED_CHUNKS, "list of updated chunks")?;
        let moves = root.offsets(schema::MOVED_NODES)?.unwrap_or_else(Offsets::empty);
        let changes = Changes {
            new_groups,
            new_arrays,
            deleted_groups,
            deleted_arrays,
            updated_groups,
            updated_arrays,
            updated_chunks: read_chunks(chunks, &mut budget)?,
            moves: read_moves(moves, &mut budget)?,
        };
        Ok(Self { header, id, changes })
    }

    /// How many entries it has, for the cache.
    #[must_use]
    pub fn num_changes(&self) -> usize {
        let c = &self.changes;
        [&c.new_groups, &c.new_arrays, &c.deleted_groups, &c.deleted_arrays, &c.updated_groups, &c.updated_arrays]
            .iter()
            .map(|list| list.len())
            .sum::<usize>()
            + c.updated_chunks.iter().map(|(_, coords)| coords.len()).sum::<usize>()
            + c.moves.len()
    }
}

fn read_chunks(arrays: Offsets<'_>, budget: &mut Budget) -> Result<Vec<(NodeId, CoordSet)>> {
    let mut list = Vec::new();
    for table in arrays.tables() {
        let table = table?;
        let mut builder = CoordSetBuilder::new();
        let mut coords: Vec<u32> = Vec::new();
        for row in table.required_offsets(updated_chunks::CHUNKS, "list of chunks")?.tables() {
            let raw = row?.required_structs::<4>(chunk_indices::COORDS, "chunk coordinates")?;
            budget.spend(4 * raw.len() + 12)?;
            coords.clear();
            coords.extend(raw.iter().map(|c| u32::from_le_bytes(*c)));
            builder.push(&coords);
        }
        budget.spend(20)?;
        list.push((ObjectId(table.required_inline(updated_chunks::NODE_ID, "node id")?), builder.finish()));
    }
    Ok(list)
}

fn read_moves(moves: Offsets<'_>, budget: &mut Budget) -> Result<Vec<Move>> {
    let mut list = Vec::new();
    for table in moves.tables() {
        let table = table?;
        let from = table.required_string(move_operation::FROM, "path that a node moved from")?;
        let to = table.required_string(move_operation::TO, "path that a node moved to")?;
        budget.spend(from.len() + to.len() + 28)?;
        for path in [from, to] {
            if !is_canonical(path) {
                return Err(Error::format(format!("{path:?} is not a path that a node can have")));
            }
        }
        list.push(Move {
            from: from.to_owned(),
            to: to.to_owned(),
            node_id: ObjectId(table.required_inline(move_operation::NODE_ID, "id of a moved node")?),
            node_type: NodeType::from_number(table.u8(move_operation::NODE_TYPE)?)?,
        });
    }
    Ok(list)
}

/// Absolute, without empty, `.` or `..` segments (format section 6.1).
fn is_canonical(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

impl Changes {
    /// The log file.  Lists of ids are sorted here; moves keep their order.
    pub fn encode(&self, id: ObjectId12, spec_version: SpecVersion, writer: &str, level: i32) -> Result<Vec<u8>> {
        // Of a chunk: a table of two words, its coordinates with their number, and what points to it.
        let coords = self.updated_chunks.iter().map(|(_, coords)| coords.len() * 16 + coords.num_indices() * 4);
        let mut file = FileBuilder::with_capacity(coords.sum::<usize>() + 1024);
        let new_groups = write_ids(&mut file, &self.new_groups)?;
        let new_arrays = write_ids(&mut file, &self.new_arrays)?;
        let deleted_groups = write_ids(&mut file, &self.deleted_groups)?;
        let deleted_arrays = write_ids(&mut file, &self.deleted_arrays)?;
        let updated_groups = write_ids(&mut file, &self.updated_groups)?;
        let updated_arrays = write_ids(&mut file, &self.updated_arrays)?;
        let chunks = self.write_chunks(&mut file)?;
        let moves = match spec_version {
            SpecVersion::V1 if self.moves.is_empty() => None,
            _ => Some(self.write_moves(&mut file)?),
        };
        let root = file.table(|fields| {
            fields.offset(schema::NEW_GROUPS, new_groups);
            fields.offset(schema::NEW_ARRAYS, new_arrays);
            fields.offset(schema::DELETED_GROUPS, deleted_groups);
            fields.offset(schema::DELETED_ARRAYS, deleted_arrays);
            fields.offset(schema::UPDATED_ARRAYS, updated_arrays);
            fields.offset(schema::UPDATED_GROUPS, updated_groups);
            fields.offset(schema::UPDATED_CHUNKS, chunks);
            fields.maybe(schema::MOVED_NODES, moves);
            fields.id(schema::ID, id.as_bytes());
        })?;
        file.into_file(root, FileType::TransactionLog, spec_version, writer, level)
    }

    fn write_chunks(&self, file: &mut FileBuilder) -> Result<Written> {
        let mut order: Vec<&(NodeId, CoordSet)> = self.updated_chunks.iter().collect();
        order.sort_by_key(|(id, _)| *id);
        let mut arrays = Vec::with_capacity(order.len());
        let mut shape = Shape::default();
        for (id, coords) in order {
            let mut rows = Vec::with_capacity(coords.len());
            for row in coords.iter() {
                let row = file.u32s(row)?;
                rows.push(file.same_table(&mut shape, &[], &[(chunk_indices::COORDS, row)])?);
            }
            let rows = file.offsets(&rows)?;
            arrays.push(file.table(|fields| {
                fields.offset(updated_chunks::CHUNKS, rows);
                fields.id(updated_chunks::NODE_ID, id.as_bytes());
            })?);
        }
        file.offsets(&arrays)
    }

    fn write_moves(&self, file: &mut FileBuilder) -> Result<Written> {
        let mut tables = Vec::with_capacity(self.moves.len());
        for moved in &self.moves {
            let from = file.string(&moved.from)?;
            let to = file.string(&moved.to)?;
            tables.push(file.table(|fields| {
                fields.offset(move_operation::FROM, from);
                fields.offset(move_operation::TO, to);
                fields.id(move_operation::NODE_ID, moved.node_id.as_bytes());
                fields.u8(move_operation::NODE_TYPE, moved.node_type as u8, 0);
            })?);
        }
        file.offsets(&tables)
    }
}

fn write_ids(file: &mut FileBuilder, ids: &[NodeId]) -> Result<Written> {
    let mut raw: Vec<[u8; 8]> = ids.iter().map(|id| id.0).collect();
    raw.sort_unstable();
    raw.dedup();
    file.ids(&raw)
}
