//! Entries of the operations log of a repository (format sections 3.6 and 9.4).

use super::file_builder::{FileBuilder, Written};
use super::flatbuffer::Table;
use super::metadata::Budget;
use super::schema::{repo_status, update as slot};
use super::table_block::{self as block, TableBlock, Value};
use crate::{Error, ErrorKind, ObjectId, ObjectId12, Result};

/// Whether a repository may be written to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// 0 online, 1 read-only, 2 offline; other numbers are kept.
    pub availability: u8,
    /// Microseconds since 1970.
    pub set_at: u64,
    /// Why it is limited.
    pub reason: Option<String>,
}

impl Status {
    pub(crate) fn read(table: &Table<'_>, budget: &mut Budget) -> Result<Self> {
        let reason = table.string(repo_status::LIMITED_AVAILABILITY_REASON)?;
        budget.spend(reason.map_or(0, str::len))?;
        Ok(Self {
            availability: table.u8(repo_status::AVAILABILITY)?,
            set_at: table.u64(repo_status::SET_AT)?,
            reason: reason.map(str::to_owned),
        })
    }

    /// As a table of the operations log.
    fn fields(&self) -> Vec<block::Field<'_>> {
        let mut fields = vec![(repo_status::SET_AT, Value::U64(self.set_at))];
        fields.extend(self.reason.as_deref().map(|why| (repo_status::LIMITED_AVAILABILITY_REASON, Value::Text(why))));
        fields.push((repo_status::AVAILABILITY, Value::U8(self.availability)));
        fields
    }

    pub(crate) fn write(&self, file: &mut FileBuilder) -> Result<Written> {
        let reason = file.maybe_string(self.reason.as_deref())?;
        file.table(|fields| {
            fields.u64(repo_status::SET_AT, self.set_at);
            fields.maybe(repo_status::LIMITED_AVAILABILITY_REASON, reason);
            fields.u8(repo_status::AVAILABILITY, self.availability, 0);
        })
    }
}

/// A field of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A branch or tag.
    Text(String),
    /// A snapshot.
    Id(ObjectId12),
    /// A version of the format.
    U8(u8),
    /// A feature flag.
    U16(u16),
    /// Yes or no.
    Bool(bool),
    /// A status.
    Status(Status),
}

/// The types that the fields of an operation have, in slot order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A required string.
    Text,
    /// A required id.
    Id,
    /// A number, 0 if absent.
    U8,
    /// A number, 0 if absent.
    U16,
    /// False if absent.
    Bool,
    /// A required table.
    Status,
}

/// The fields of the operation with union tag `tag`, None if it is not known.
#[must_use]
pub fn fields_of(tag: u8) -> Option<&'static [FieldType]> {
    use FieldType::{Bool, Id, Status, Text, U8, U16};
    Some(match tag {
        // RepoInitialized, ConfigChanged, MetadataChanged, GCRan, ExpirationRan
        1 | 3 | 4 | 13 | 14 => &[],
        // RepoMigrated
        2 => &[U8, U8],
        // TagCreated, BranchCreated
        5 | 7 => &[Text],
        // TagDeleted, BranchDeleted, BranchReset, NewCommit
        6 | 8 | 9 | 10 => &[Text, Id],
        // CommitAmended
        11 => &[Text, Id, Id],
        // NewDetachedSnapshot
        12 => &[Id],
        // FeatureFlagChanged
        15 => &[U16, Bool, Bool],
        // RepoStatusChanged
        16 => &[Status],
        _ => return None,
    })
}

/// One entry of the operations log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Union tag of the operation.
    pub tag: u8,
    /// Its fields in slot order; none if the tag is not known.
    pub fields: Vec<Field>,
    /// Microseconds since 1970.
    pub updated_at: u64,
    /// Name of the copy of the repository as it was when this entry was the newest.
    pub backup_path: Option<String>,
}

impl Update {
    /// Whether we know what the operation is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        fields_of(self.tag).is_some()
    }

    pub(crate) fn read(table: &Table<'_>, budget: &mut Budget) -> Result<Self> {
        let tag = table.u8(slot::UPDATE_TYPE)?;
        let mut fields = Vec::new();
        if let Some(types) = fields_of(tag) {
            let value = table.required_table(slot::VALUE, "operation")?;
            for (number, kind) in types.iter().enumerate() {
                fields.push(read_field(&value, number, *kind, budget)?);
            }
        }
        let backup_path = table.string(slot::BACKUP_PATH)?;
        budget.spend(backup_path.map_or(0, str::len) + 64)?;
        Ok(Self { tag, fields, updated_at: table.u64(slot::UPDATED_AT)?, backup_path: backup_path.map(str::to_owned) })
    }

    pub(crate) fn write(&self, block: &mut TableBlock) -> Result<usize> {
        let types = fields_of(self.tag).ok_or_else(|| {
            Error::new(
                ErrorKind::UnsupportedOperation,
                format!(
                    "the operations log has an entry of a kind ({}) that this version does not know; upgrade to write",
                    self.tag
                ),
            )
        })?;
        let fits = self.fields.len() == types.len() && self.fields.iter().zip(types).all(|(f, t)| f.field_type() == *t);
        if !fits {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("operation {} needs the fields {types:?}", self.tag),
            ));
        }
        let status = self.fields.iter().find_map(|field| match field {
            Field::Status(status) => Some(status.fields()),
            _ => None,
        });
        let mut value: Vec<block::Field<'_>> =
            self.fields.iter().enumerate().map(|(slot, field)| (slot, field.value(status.as_deref()))).collect();
        value.sort_by_key(|(_, value)| std::cmp::Reverse(value.alignment()));
        let mut fields = vec![(slot::UPDATED_AT, Value::U64(self.updated_at)), (slot::VALUE, Value::Table(&value))];
        fields.extend(self.backup_path.as_deref().map(|path| (slot::BACKUP_PATH, Value::Text(path))));
        fields.push((slot::UPDATE_TYPE, Value::U8(self.tag)));
        block.table(&fields)
    }
}

impl Field {
    fn value<'a>(&'a self, status: Option<&'a [block::Field<'a>]>) -> Value<'a> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Id(id) => Value::Id(id),
            Self::U8(value) => Value::U8(*value),
            Self::U16(value) => Value::U16(*value),
            Self::Bool(value) => Value::U8(u8::from(*value)),
            Self::Status(_) => Value::Table(status.unwrap_or_default()),
        }
    }

    /// What type of field it is.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        match self {
            Self::Text(_) => FieldType::Text,
            Self::Id(_) => FieldType::Id,
            Self::U8(_) => FieldType::U8,
            Self::U16(_) => FieldType::U16,
            Self::Bool(_) => FieldType::Bool,
            Self::Status(_) => FieldType::Status,
        }
    }
}

fn read_field(value: &Table<'_>, number: usize, kind: FieldType, budget: &mut Budget) -> Result<Field> {
    Ok(match kind {
        FieldType::Text => {
            let text = value.required_string(number, "name in an operation")?;
            budget.spend(text.len())?;
            Field::Text(text.to_owned())
        }
        FieldType::Id => Field::Id(ObjectId(value.required_inline(number, "snapshot id in an operation")?)),
        FieldType::U8 => Field::U8(value.u8(number)?),
        FieldType::U16 => Field::U16(value.u16(number)?),
        FieldType::Bool => Field::Bool(value.u8(number)? != 0),
        FieldType::Status => {
            let status = value.required_table(number, "status in an operation")?;
            Field::Status(Status::read(&status, budget)?)
        }
    })
}
