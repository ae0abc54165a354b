//! Transaction logs.

use frazil_core::format::transaction_log::{Changes, Move, NodeType};
use frazil_core::format::{SpecVersion, TransactionLog};
use proptest::prelude::*;

use crate::generate::{coord_set, id12, node_id, path};

pub fn changes() -> impl Strategy<Value = Changes> {
    let ids = || proptest::collection::btree_set(node_id(), 0..5).prop_map(|ids| ids.into_iter().collect::<Vec<_>>());
    let kind = prop_oneof![Just(NodeType::Group), Just(NodeType::Array)];
    let moved = (path(), path(), node_id(), kind).prop_map(|(from, to, node_id, node_type)| Move {
        from,
        to,
        node_id,
        node_type,
    });
    (
        (ids(), ids(), ids(), ids(), ids(), ids()),
        proptest::collection::btree_map(node_id(), coord_set(), 0..4),
        proptest::collection::vec(moved, 0..4),
    )
        .prop_map(|(ids, chunks, moves)| Changes {
            new_groups: ids.0,
            new_arrays: ids.1,
            deleted_groups: ids.2,
            deleted_arrays: ids.3,
            updated_groups: ids.4,
            updated_arrays: ids.5,
            updated_chunks: chunks.into_iter().collect(),
            moves,
        })
}

proptest! {
    #![proptest_config(crate::cases(200))]

    #[test]
    fn logs_round_trip(changes in changes(), id in id12(), v1 in any::<bool>()) {
        let version = if v1 { SpecVersion::V1 } else { SpecVersion::V2 };
        let log = TransactionLog::decode(&changes.encode(id, version, "test", 3).unwrap(), id).unwrap();
        prop_assert_eq!((log.id, log.header.spec_version, &log.changes), (id, version, &changes));

        // Lists of ids are sorted when they are written; moves keep their order.
        let mut shuffled = changes.clone();
        shuffled.new_groups.reverse();
        shuffled.updated_arrays.reverse();
        shuffled.updated_chunks.reverse();
        let log = TransactionLog::decode(&shuffled.encode(id, version, "test", 3).unwrap(), id).unwrap();
        prop_assert_eq!(log.changes, changes);
    }
}
