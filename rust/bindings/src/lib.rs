//! `frazil._core`: types in, types out.

mod assets;
mod buffer;
mod chunk_reader;
mod chunk_ref;
mod chunk_selection;
mod chunk_table;
mod codec_chain;
mod completions;
mod coord_set;
mod error;
mod extents;
mod forks;
mod header;
mod id_listing;
mod ids;
mod key_listing;
mod key_reader;
mod location_column;
mod manifest;
mod pattern;
mod region_grid;
mod remote;
mod repo_info;
mod snapshot;
mod snapshot_info;
mod stop_switch;
mod storage;
mod transaction_log;
mod url;
mod values;

use pyo3::prelude::*;

/// The compiled core of Frazil.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    error::install_interrupt();
    m.add_class::<assets::Assets>()?;
    m.add_class::<buffer::Buffer>()?;
    m.add_class::<chunk_reader::ChunkReader>()?;
    m.add_class::<chunk_ref::ChunkRef>()?;
    m.add_class::<chunk_selection::ChunkSelection>()?;
    m.add_class::<chunk_table::ChunkTable>()?;
    m.add_class::<codec_chain::ChunkChanges>()?;
    m.add_class::<codec_chain::CodecChain>()?;
    m.add_class::<completions::Completions>()?;
    m.add_class::<completions::Fetch>()?;
    m.add_class::<coord_set::CoordSet>()?;
    m.add_class::<key_listing::KeyListing>()?;
    m.add_class::<key_reader::KeyReader>()?;
    m.add_class::<location_column::LocationColumn>()?;
    m.add_class::<manifest::Manifest>()?;
    m.add_class::<manifest::ManifestBuilder>()?;
    m.add_class::<manifest::MergedRefs>()?;
    m.add_class::<pattern::Pattern>()?;
    m.add_class::<region_grid::RegionGrid>()?;
    m.add_class::<repo_info::RepoInfo>()?;
    m.add_class::<snapshot::Snapshot>()?;
    m.add_class::<snapshot_info::Commits>()?;
    m.add_class::<snapshot_info::SnapshotInfo>()?;
    m.add_class::<stop_switch::StopSwitch>()?;
    m.add_class::<storage::Version>()?;
    m.add_class::<storage::PutMode>()?;
    m.add_class::<storage::ObjectMeta>()?;
    m.add_class::<storage::ObjectStore>()?;
    m.add_class::<storage::Latency>()?;
    m.add_class::<transaction_log::TransactionLog>()?;
    m.add_function(wrap_pyfunction!(codec_chain::short_cuts_taken, m)?)?;
    m.add_function(wrap_pyfunction!(forks::before_fork, m)?)?;
    m.add_function(wrap_pyfunction!(forks::after_fork, m)?)?;
    m.add_function(wrap_pyfunction!(header::read_header, m)?)?;
    m.add_function(wrap_pyfunction!(ids::encode_id, m)?)?;
    m.add_function(wrap_pyfunction!(ids::decode_id, m)?)?;
    m.add_function(wrap_pyfunction!(ids::random_id, m)?)?;
    m.add_function(wrap_pyfunction!(ids::content_id, m)?)?;
    m.add_function(wrap_pyfunction!(snapshot::encode_snapshot, m)?)?;
    m.add_function(wrap_pyfunction!(storage::chunk_label, m)?)?;
    m.add_function(wrap_pyfunction!(transaction_log::encode_transaction_log, m)?)?;
    m.add_function(wrap_pyfunction!(url::address_without_secrets, m)?)?;
    m.add_function(wrap_pyfunction!(url::is_secret, m)?)?;
    m.add_function(wrap_pyfunction!(url::is_named_host, m)?)?;
    m.add_function(wrap_pyfunction!(url::is_public_address, m)?)?;
    m.add_function(wrap_pyfunction!(url::may_be_reached, m)?)?;
    m.add_function(wrap_pyfunction!(url::normalise_url, m)?)?;
    m.add_function(wrap_pyfunction!(url::same_origin, m)?)?;
    m.add_function(wrap_pyfunction!(url::without_secrets, m)?)?;
    m.add_function(wrap_pyfunction!(values::flexbuffer_to_json, m)?)?;
    m.add_function(wrap_pyfunction!(values::json_to_flexbuffer, m)?)?;
    m.add_function(wrap_pyfunction!(values::msgpack_to_json, m)?)?;
    m.add_function(wrap_pyfunction!(values::json_to_msgpack, m)?)?;
    Ok(())
}
