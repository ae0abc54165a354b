//! The `repo` object.

use frazil_core::format::RepoInfo as Core;
use frazil_core::format::repo_info::{LogEntry, RepoEdit, SnapshotEntry};
use frazil_core::format::update::{Field, FieldType, Status, Update, fields_of};
use frazil_core::{Error, ErrorKind, ObjectId12};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyTuple};

use crate::buffer::bytes_of;
use crate::error::to_py;
use crate::ids::{Id, Id12, ids_from_py, ids_to_py};
use crate::snapshot_info::Commits;

type Items = Vec<(String, Vec<u8>)>;
type EntryTuple = (Id12, Option<Id12>, u64, String, Items, Vec<Id12>);
type StatusTuple = (u8, u64, Option<String>);
type UpdateTuple<'py> = (u8, Bound<'py, PyTuple>, u64, Option<String>);

/// A decoded `repo` object, frozen; `edit` gives a changed copy.
#[pyclass(module = "frazil._core", frozen)]
pub struct RepoInfo {
    pub inner: Core,
}

fn entry_to_py(entry: &SnapshotEntry) -> EntryTuple {
    (
        Id(entry.id),
        entry.parent_id.map(Id),
        entry.flushed_at,
        entry.message.clone(),
        entry.metadata.clone(),
        ids_to_py(&entry.pruned),
    )
}

fn no_snapshot(id: Id12) -> PyErr {
    to_py(Error::new(ErrorKind::SnapshotNotFound, format!("the repository has no snapshot {}", id.0)))
}

fn entry_from_py((id, parent_id, flushed_at, message, metadata, pruned): EntryTuple) -> SnapshotEntry {
    SnapshotEntry {
        id: id.0,
        parent_id: parent_id.map(|id| id.0),
        flushed_at,
        message,
        metadata,
        pruned: ids_from_py(pruned),
    }
}

fn status_to_py(status: &Status) -> StatusTuple {
    (status.availability, status.set_at, status.reason.clone())
}

fn status_from_py((availability, set_at, reason): StatusTuple) -> Status {
    Status { availability, set_at, reason }
}

fn field_to_py(py: Python<'_>, field: &Field) -> PyResult<Py<PyAny>> {
    match field {
        Field::Text(text) => text.into_py_any(py),
        Field::Id(id) => Id(*id).into_py_any(py),
        Field::U8(value) => value.into_py_any(py),
        Field::U16(value) => value.into_py_any(py),
        Field::Bool(value) => value.into_py_any(py),
        Field::Status(status) => status_to_py(status).into_py_any(py),
    }
}

fn field_from_py(field: &Bound<'_, PyAny>, kind: FieldType) -> PyResult<Field> {
    Ok(match kind {
        FieldType::Text => Field::Text(field.extract()?),
        FieldType::Id => Field::Id(field.extract::<Id12>()?.0),
        FieldType::U8 => Field::U8(field.extract()?),
        FieldType::U16 => Field::U16(field.extract()?),
        FieldType::Bool => Field::Bool(field.extract()?),
        FieldType::Status => Field::Status(status_from_py(field.extract()?)),
    })
}

fn update_from_py((tag, fields, updated_at, backup_path): UpdateTuple<'_>) -> PyResult<Update> {
    let types = fields_of(tag).unwrap_or_default();
    if types.len() != fields.len() {
        return Err(PyValueError::new_err(format!("operation {tag} has {} fields, not {}", types.len(), fields.len())));
    }
    let fields = fields.iter().zip(types).map(|(field, kind)| field_from_py(&field, *kind)).collect::<PyResult<_>>()?;
    Ok(Update { tag, fields, updated_at, backup_path })
}

fn refs_from_py(changes: Option<&Bound<'_, PyMapping>>) -> PyResult<Vec<(String, Option<ObjectId12>)>> {
    let Some(changes) = changes else { return Ok(Vec::new()) };
    let items: Vec<(String, Option<Id12>)> = changes.items()?.extract()?;
    Ok(items.into_iter().map(|(name, id)| (name, id.map(|id| id.0))).collect())
}

#[pymethods]
impl RepoInfo {
    #[staticmethod]
    fn decode(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let data = bytes_of(data)?;
        py.detach(|| Core::decode(&data)).map(|inner| Self { inner }).map_err(to_py)
    }

    #[staticmethod]
    #[pyo3(signature = (*, snapshots, branches, tags, deleted_tags, status, metadata, config, updates))]
    #[expect(clippy::too_many_arguments, reason = "keywords of the contract")]
    fn build(
        snapshots: Vec<EntryTuple>,
        branches: Vec<(String, Id12)>,
        tags: Vec<(String, Id12)>,
        deleted_tags: Vec<String>,
        status: StatusTuple,
        metadata: Items,
        config: Option<&Bound<'_, PyAny>>,
        updates: Vec<UpdateTuple<'_>>,
    ) -> PyResult<Self> {
        let refs = |list: Vec<(String, Id12)>| list.into_iter().map(|(name, id)| (name, Some(id.0))).collect();
        let edit = RepoEdit {
            insert: snapshots.into_iter().map(entry_from_py).collect(),
            branches: refs(branches),
            tags: refs(tags),
            deleted_tags: Some(deleted_tags),
            status: Some(status_from_py(status)),
            metadata: Some(metadata),
            config: config.map(bytes_of).transpose()?.map(|config| config.to_vec()),
            updates: Some(updates.into_iter().map(update_from_py).collect::<PyResult<_>>()?),
            ..RepoEdit::default()
        };
        Core::empty().edit(edit).map(|inner| Self { inner }).map_err(to_py)
    }

    #[getter]
    fn spec_version(&self) -> u8 {
        2
    }

    #[getter]
    fn writer(&self) -> &str {
        &self.inner.writer
    }

    #[getter]
    fn status(&self) -> StatusTuple {
        status_to_py(&self.inner.status)
    }

    #[getter]
    fn metadata(&self) -> Items {
        self.inner.metadata.clone()
    }

    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.inner.config.as_ref().map(|config| PyBytes::new(py, config))
    }

    #[getter]
    fn enabled_flags(&self) -> Option<Vec<u16>> {
        self.inner.enabled_flags.clone()
    }

    #[getter]
    fn disabled_flags(&self) -> Option<Vec<u16>> {
        self.inner.disabled_flags.clone()
    }

    #[getter]
    fn repo_before_updates(&self) -> Option<&str> {
        self.inner.repo_before_updates.as_deref()
    }

    #[getter]
    fn num_snapshots(&self) -> usize {
        self.inner.snapshots().len()
    }

    fn __repr__(&self) -> String {
        let (branches, snapshots) = (self.inner.branches().len(), self.inner.snapshots().len());
        format!("<frazil repository of {branches} branches and {snapshots} snapshots>")
    }

    fn branches(&self) -> Vec<(&str, Id12)> {
        self.inner.branches().iter().map(|(name, id)| (name.as_str(), Id(*id))).collect()
    }

    fn tags(&self) -> Vec<(&str, Id12)> {
        self.inner.tags().iter().map(|(name, id)| (name.as_str(), Id(*id))).collect()
    }

    fn deleted_tags(&self) -> Vec<String> {
        self.inner.deleted_tags().to_vec()
    }

    fn branch(&self, name: &str) -> Option<Id12> {
        self.inner.branches().get(name).copied().map(Id)
    }

    fn tag(&self, name: &str) -> Option<Id12> {
        self.inner.tags().get(name).copied().map(Id)
    }

    fn snapshot(&self, snapshot_id: Id12) -> Option<EntryTuple> {
        self.inner.snapshot(&snapshot_id.0).map(|entry| entry_to_py(entry))
    }

    fn snapshots(&self) -> Vec<EntryTuple> {
        self.inner.snapshots().iter().map(|entry| entry_to_py(entry)).collect()
    }

    fn snapshot_ids(&self) -> Vec<Id12> {
        self.inner.snapshots().iter().map(|entry| Id(entry.id)).collect()
    }

    #[pyo3(signature = (snapshot_id, limit=None))]
    fn ancestry(&self, snapshot_id: Id12, limit: Option<usize>) -> PyResult<Vec<EntryTuple>> {
        let chain = self.inner.ancestry(&snapshot_id.0, limit).map_err(to_py)?;
        let chain = chain.ok_or_else(|| no_snapshot(snapshot_id))?;
        Ok(chain.into_iter().map(|entry| entry_to_py(entry)).collect())
    }

    /// As `ancestry`, one after the other, each decoded as far as it is looked at.
    fn commits(slf: Py<Self>, snapshot_id: Id12) -> PyResult<Commits> {
        let lineage = slf.get().inner.lineage(&snapshot_id.0).ok_or_else(|| no_snapshot(snapshot_id))?;
        Ok(Commits::new(slf, lineage))
    }

    fn updates<'py>(&self, py: Python<'py>) -> PyResult<Vec<UpdateTuple<'py>>> {
        let updates = self.inner.updates.iter();
        updates
            .map(|update| {
                let fields: Vec<Py<PyAny>> =
                    update.fields.iter().map(|field| field_to_py(py, field)).collect::<PyResult<_>>()?;
                Ok((update.tag, PyTuple::new(py, fields)?, update.updated_at, update.backup_path.clone()))
            })
            .collect()
    }

    /// When the newest entry of the operations log was made, in microseconds since 1970.
    #[getter]
    fn updated_at(&self) -> Option<u64> {
        self.inner.updates.first().map(|update| update.updated_at)
    }

    #[getter]
    fn has_unknown_updates(&self) -> bool {
        self.inner.has_unknown_updates()
    }

    #[pyo3(signature = (
        *, insert=vec![], replace=vec![], drop=vec![], branches=None, tags=None, deleted_tags=None, status=None,
        metadata=None, config=None, flags=None, updates=None, repo_before_updates=None, log=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords of the contract")]
    fn edit(
        &self,
        insert: Vec<EntryTuple>,
        replace: Vec<EntryTuple>,
        drop: Vec<Id12>,
        branches: Option<&Bound<'_, PyMapping>>,
        tags: Option<&Bound<'_, PyMapping>>,
        deleted_tags: Option<Vec<String>>,
        status: Option<StatusTuple>,
        metadata: Option<Items>,
        config: Option<&Bound<'_, PyAny>>,
        flags: Option<(Vec<u16>, Vec<u16>)>,
        updates: Option<Vec<UpdateTuple<'_>>>,
        repo_before_updates: Option<String>,
        log: Option<(UpdateTuple<'_>, String, usize)>,
    ) -> PyResult<Self> {
        let updates = updates.map(|list| list.into_iter().map(update_from_py).collect::<PyResult<_>>()).transpose()?;
        let log = log
            .map(|(update, backup, limit)| PyResult::Ok(LogEntry { update: update_from_py(update)?, backup, limit }))
            .transpose()?;
        let edit = RepoEdit {
            insert: insert.into_iter().map(entry_from_py).collect(),
            replace: replace.into_iter().map(entry_from_py).collect(),
            drop: ids_from_py(drop),
            branches: refs_from_py(branches)?,
            tags: refs_from_py(tags)?,
            deleted_tags,
            status: status.map(status_from_py),
            metadata,
            config: config.map(bytes_of).transpose()?.map(|config| config.to_vec()),
            flags,
            updates,
            repo_before_updates,
            log,
        };
        self.inner.edit(edit).map(|inner| Self { inner }).map_err(to_py)
    }

    #[pyo3(signature = (*, writer, level))]
    fn encode<'py>(&self, py: Python<'py>, writer: &str, level: i32) -> PyResult<Bound<'py, PyBytes>> {
        let file = py.detach(|| self.inner.encode(writer, level)).map_err(to_py)?;
        Ok(PyBytes::new(py, &file))
    }
}
