//! The repository object.

use std::collections::BTreeMap;

use frazil_core::format::RepoInfo;
use frazil_core::format::repo_info::{RepoEdit, SnapshotEntry};
use frazil_core::format::update::{Field, FieldType, Status, Update, fields_of};
use frazil_core::{ErrorKind, ObjectId, ObjectId12};
use proptest::prelude::*;

use crate::generate::{id12, metadata};

pub fn status() -> impl Strategy<Value = Status> {
    (0u8..4, any::<u64>(), proptest::option::of(".{0,5}")).prop_map(|(availability, set_at, reason)| Status {
        availability,
        set_at,
        reason,
    })
}

fn field(kind: FieldType) -> BoxedStrategy<Field> {
    match kind {
        FieldType::Text => ".{0,6}".prop_map(Field::Text).boxed(),
        FieldType::Id => id12().prop_map(Field::Id).boxed(),
        FieldType::U8 => any::<u8>().prop_map(Field::U8).boxed(),
        FieldType::U16 => any::<u16>().prop_map(Field::U16).boxed(),
        FieldType::Bool => any::<bool>().prop_map(Field::Bool).boxed(),
        FieldType::Status => status().prop_map(Field::Status).boxed(),
    }
}

pub fn update() -> impl Strategy<Value = Update> {
    let fields = (1u8..=16).prop_flat_map(|tag| {
        let kinds: Vec<BoxedStrategy<Field>> = fields_of(tag).unwrap().iter().map(|kind| field(*kind)).collect();
        (Just(tag), kinds)
    });
    (fields, any::<u64>(), proptest::option::of("[a-z.]{0,9}"))
        .prop_map(|((tag, fields), updated_at, backup_path)| Update { tag, fields, updated_at, backup_path })
}

/// Snapshots each of which has one of those before it as parent, or none.
fn history() -> impl Strategy<Value = Vec<SnapshotEntry>> {
    let entry = (
        id12(),
        proptest::option::of(any::<prop::sample::Index>()),
        any::<u64>(),
        ".{0,8}",
        metadata(),
        proptest::collection::vec(id12(), 0..3),
    );
    proptest::collection::vec(entry, 1..20).prop_map(|entries| {
        let mut list: Vec<SnapshotEntry> = Vec::new();
        for (id, parent, flushed_at, message, metadata, pruned) in entries {
            if list.iter().any(|entry| entry.id == id) {
                continue;
            }
            let parent_id = parent.filter(|_| !list.is_empty()).map(|index| list[index.index(list.len())].id);
            list.push(SnapshotEntry { id, parent_id, flushed_at, message, metadata, pruned });
        }
        list
    })
}

prop_compose! {
    pub fn repo()(
        history in history(),
        branches in proptest::collection::btree_map("[a-zä/]{1,5}", any::<prop::sample::Index>(), 0..4),
        tags in proptest::collection::btree_map("[a-z]{1,5}", any::<prop::sample::Index>(), 0..4),
        deleted_tags in proptest::collection::btree_set("[a-z]{1,5}", 0..4),
        status in status(),
        metadata in metadata(),
        config in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        flags in (proptest::collection::btree_set(any::<u16>(), 0..4), proptest::collection::btree_set(any::<u16>(), 0..4)),
        updates in proptest::collection::vec(update(), 0..6),
        before in proptest::option::of("[a-z.]{1,9}"),
    ) -> (Vec<SnapshotEntry>, RepoInfo) {
        let refs = |names: BTreeMap<String, prop::sample::Index>| {
            names.into_iter().map(|(name, index)| (name, Some(history[index.index(history.len())].id))).collect()
        };
        let edit = RepoEdit {
            insert: history.clone(),
            branches: refs(branches),
            tags: refs(tags),
            deleted_tags: Some(deleted_tags.into_iter().collect()),
            status: Some(status),
            metadata: Some(metadata),
            config,
            flags: Some((flags.0.into_iter().collect(), flags.1.into_iter().collect())),
            updates: Some(updates),
            repo_before_updates: before,
            ..RepoEdit::default()
        };
        let repo = RepoInfo::empty().edit(edit).unwrap();
        (history, repo)
    }
}

fn again(repo: &RepoInfo) -> RepoInfo {
    let mut read = RepoInfo::decode(&repo.encode("test", 3).unwrap()).unwrap();
    read.writer.clone_from(&repo.writer);
    read
}

proptest! {
    #![proptest_config(crate::cases(150))]

    #[test]
    fn objects_round_trip((history, repo) in repo()) {
        prop_assert_eq!(&again(&repo), &repo);
        prop_assert!(repo.snapshots().is_sorted_by_key(|entry| entry.id));
        let by_id: BTreeMap<ObjectId12, &SnapshotEntry> = history.iter().map(|entry| (entry.id, entry)).collect();
        for entry in &history {
            prop_assert_eq!(repo.snapshot(&entry.id).map(|found| &**found), Some(entry));
            let mut expected = vec![entry];
            while let Some(parent) = expected.last().unwrap().parent_id {
                expected.push(by_id[&parent]);
            }
            let found: Vec<&SnapshotEntry> = repo.ancestry(&entry.id, None).unwrap().unwrap().into_iter().map(|e| &**e).collect();
            prop_assert_eq!(&found, &expected);
            let two = repo.ancestry(&entry.id, Some(2)).unwrap().unwrap();
            prop_assert_eq!(two.len(), expected.len().min(2));
        }
    }

    #[test]
    fn an_edit_changes_only_what_it_names((_, repo) in repo(), new in id12(), message in ".{0,5}") {
        prop_assume!(repo.snapshot(&new).is_none());
        prop_assert_eq!(&repo.edit(RepoEdit::default()).unwrap(), &repo);
        let parent = repo.snapshots()[0].id;
        let entry = SnapshotEntry { id: new, parent_id: Some(parent), flushed_at: 1, message, metadata: vec![], pruned: vec![] };
        let branches = vec![("main".to_owned(), Some(new))];
        let edited = repo.edit(RepoEdit { insert: vec![entry.clone()], branches, ..RepoEdit::default() }).unwrap();
        prop_assert_eq!(edited.branches().get("main"), Some(&new));
        prop_assert_eq!(edited.snapshots().len(), repo.snapshots().len() + 1);
        prop_assert_eq!(&again(&edited), &edited);

        let back = RepoEdit {
            drop: vec![new],
            branches: vec![("main".to_owned(), repo.branches().get("main").copied())],
            ..RepoEdit::default()
        };
        prop_assert_eq!(&edited.edit(back).unwrap(), &repo);

        let replaced = SnapshotEntry { parent_id: None, pruned: vec![parent], ..entry.clone() };
        let edited = edited.edit(RepoEdit { replace: vec![replaced.clone()], ..RepoEdit::default() }).unwrap();
        prop_assert_eq!(&**edited.snapshot(&new).unwrap(), &replaced);
        let twice = edited.edit(RepoEdit { insert: vec![entry], ..RepoEdit::default() });
        prop_assert!(twice.is_err());
    }
}

fn entry(id: u8, parent: Option<u8>) -> SnapshotEntry {
    let id12 = |n: u8| ObjectId([n; 12]);
    SnapshotEntry {
        id: id12(id),
        parent_id: parent.map(id12),
        flushed_at: 0,
        message: String::new(),
        metadata: vec![],
        pruned: vec![],
    }
}

fn insert(entries: Vec<SnapshotEntry>) -> frazil_core::Result<RepoInfo> {
    RepoInfo::empty().edit(RepoEdit { insert: entries, ..RepoEdit::default() })
}

#[test]
fn what_an_edit_refuses() {
    let repo = insert(vec![entry(1, None), entry(2, Some(1))]).unwrap();
    let kind = |edit: RepoEdit| repo.edit(edit).unwrap_err().kind;
    let point = |id: u8| vec![("main".to_owned(), Some(ObjectId([id; 12])))];
    assert_eq!(kind(RepoEdit { insert: vec![entry(3, Some(9))], ..Default::default() }), ErrorKind::InvalidInput);
    assert_eq!(kind(RepoEdit { insert: vec![entry(2, None)], ..Default::default() }), ErrorKind::InvalidInput);
    assert_eq!(
        kind(RepoEdit { insert: vec![entry(4, None), entry(4, None)], ..Default::default() }),
        ErrorKind::InvalidInput
    );
    assert_eq!(kind(RepoEdit { replace: vec![entry(3, None)], ..Default::default() }), ErrorKind::InvalidInput);
    assert_eq!(kind(RepoEdit { drop: vec![ObjectId([1; 12])], ..Default::default() }), ErrorKind::InvalidInput);
    assert_eq!(kind(RepoEdit { branches: point(9), ..Default::default() }), ErrorKind::InvalidInput);
    assert_eq!(kind(RepoEdit { tags: point(9), ..Default::default() }), ErrorKind::InvalidInput);
    // A branch that an edit leaves pointing nowhere is found when the object is written.
    let lost = repo.edit(RepoEdit { branches: point(2), ..Default::default() }).unwrap();
    let lost = lost.edit(RepoEdit { drop: vec![ObjectId([2; 12])], ..Default::default() }).unwrap();
    assert_eq!(lost.encode("test", 3).unwrap_err().kind, ErrorKind::InvalidInput);
}

#[test]
fn circular_ancestry_is_an_error() {
    let repo = insert(vec![entry(1, Some(2)), entry(2, Some(1)), entry(3, Some(3))]).unwrap();
    let repo = again(&repo);
    for id in [1, 3] {
        assert_eq!(repo.ancestry(&ObjectId([id; 12]), None).unwrap_err().kind, ErrorKind::InvalidFileFormat);
    }
    assert_eq!(repo.ancestry(&ObjectId([1; 12]), Some(2)).unwrap().unwrap().len(), 2);
    assert!(repo.ancestry(&ObjectId([9; 12]), None).unwrap().is_none());
}

#[test]
fn flags_stay_absent_until_they_are_set() {
    let repo = again(&insert(vec![entry(1, None)]).unwrap());
    assert_eq!((&repo.enabled_flags, &repo.disabled_flags), (&None, &None));
    let repo = again(&repo.edit(RepoEdit { flags: Some((vec![], vec![7, 5])), ..Default::default() }).unwrap());
    assert_eq!((&repo.enabled_flags, &repo.disabled_flags), (&None, &Some(vec![5, 7])));
    let repo = again(&repo.edit(RepoEdit { flags: Some((vec![], vec![])), ..Default::default() }).unwrap());
    assert_eq!((&repo.enabled_flags, &repo.disabled_flags), (&None, &Some(vec![])));
}

#[test]
fn an_operation_that_is_not_known_can_be_read_but_not_written() {
    let strange = Update { tag: 99, fields: vec![], updated_at: 1, backup_path: None };
    let repo = insert(vec![entry(1, None)]).unwrap();
    let repo = repo.edit(RepoEdit { updates: Some(vec![strange]), ..Default::default() }).unwrap();
    assert!(repo.has_unknown_updates());
    assert_eq!(repo.encode("test", 3).unwrap_err().kind, ErrorKind::UnsupportedOperation);
    let wrong = Update { tag: 5, fields: vec![Field::U8(1)], updated_at: 1, backup_path: None };
    let repo = repo.edit(RepoEdit { updates: Some(vec![wrong]), ..Default::default() }).unwrap();
    assert_eq!(repo.encode("test", 3).unwrap_err().kind, ErrorKind::InvalidInput);
}

#[test]
fn ten_thousand_snapshots() {
    let id = |n: u32| {
        let mut raw = [0; 12];
        raw[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
        ObjectId(raw)
    };
    let commit = |n: u32| SnapshotEntry { id: id(n), parent_id: n.checked_sub(1).map(id), ..entry(0, None) };
    let mut repo = insert((0..10_000).map(commit).collect()).unwrap();
    for n in 10_000..10_050 {
        let branches = vec![("main".to_owned(), Some(id(n)))];
        repo = repo.edit(RepoEdit { insert: vec![commit(n)], branches, ..RepoEdit::default() }).unwrap();
    }
    let repo = again(&repo);
    assert_eq!(repo.ancestry(&id(10_049), None).unwrap().unwrap().len(), 10_050);
}
