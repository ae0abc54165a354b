//! Arguments with which remote object stores are opened.

use std::sync::Arc;
use std::time::Duration;

use frazil_core::storage::remote::checksum::Checksum;
use frazil_core::storage::remote::credentials::Provider;
use frazil_core::storage::remote::settings::{Options, RemoteKind, RemoteSettings};
use frazil_core::storage::{ObjectStore, RemoteStore};
use frazil_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::error::{keep_raised, to_py};

/// A remote store of this kind; see `ObjectStore.remote` in the stub.
pub fn open(
    kind: &str,
    options: &Bound<'_, PyMapping>,
    settings: &Bound<'_, PyMapping>,
) -> PyResult<Arc<dyn ObjectStore>> {
    let kind =
        RemoteKind::from_name(kind).ok_or_else(|| invalid(format!("there is no kind of object store '{kind}'")))?;
    let options = pairs(options)?;
    let mut parsed = RemoteSettings::default();
    let mut provider: Option<Provider> = None;
    for item in settings.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        if value.is_none() {
            if name == "network_stream_timeout_seconds" {
                parsed.network_stream_timeout = None;
            }
            continue;
        }
        match name.as_str() {
            "credentials" => provider = Some(provider_of(value.unbind())),
            other if set(&mut parsed, other, &value)? => {}
            other => return Err(invalid(format!("there is no setting '{other}'"))),
        }
    }
    RemoteStore::open(kind, &options, parsed, provider).map_err(to_py)
}

/// Put a value where its name says; false if there is no such setting.
fn set(settings: &mut RemoteSettings, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match name {
        "prefix" => settings.prefix = value.extract()?,
        "from_env" => settings.from_env = value.extract()?,
        "verbatim" => settings.verbatim = value.extract()?,
        "read_only" => settings.read_only = value.extract()?,
        "metadata" => settings.metadata = value.extract()?,
        "conditional_create" => settings.conditional_create = value.extract()?,
        "conditional_update" => settings.conditional_update = value.extract()?,
        "minimum_size_for_multipart_upload" => settings.minimum_size_for_multipart_upload = value.extract()?,
        "max_concurrent_requests_for_object" => settings.max_concurrent_requests_for_object = value.extract()?,
        "ideal_concurrent_request_size" => settings.ideal_concurrent_request_size = value.extract()?,
        "max_requests" => settings.max_requests = value.extract()?,
        "max_tries" => settings.max_tries = value.extract()?,
        "initial_backoff_ms" => settings.initial_backoff = milliseconds(value)?,
        "max_backoff_ms" => settings.max_backoff = milliseconds(value)?,
        "connect_timeout_ms" => settings.connect_timeout = Some(milliseconds(value)?),
        "read_timeout_ms" => settings.read_timeout = Some(milliseconds(value)?),
        "operation_timeout_ms" => settings.operation_timeout = Some(milliseconds(value)?),
        "operation_attempt_timeout_ms" => settings.operation_attempt_timeout = Some(milliseconds(value)?),
        "network_stream_timeout_seconds" => {
            let seconds: u64 = value.extract()?;
            settings.network_stream_timeout = (seconds > 0).then_some(Duration::from_secs(seconds));
        }
        "read_headers" => settings.read_headers = pairs(value.cast()?)?,
        "write_headers" => settings.write_headers = pairs(value.cast()?)?,
        "user_agent" => settings.user_agent = value.extract()?,
        "user_agent_comment" => settings.user_agent_comment = value.extract()?,
        "legacy_rooted_keys" => settings.rooted = value.extract()?,
        "named_hosts" => settings.named_hosts = Some(value.extract()?),
        "checksum_algorithm" => {
            let name: String = value.extract()?;
            let known = Checksum::from_name(&name).ok_or_else(|| invalid(format!("there is no checksum '{name}'")))?;
            settings.checksum = Some(known);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn invalid(message: String) -> PyErr {
    to_py(Error::new(ErrorKind::StorageConfig, message))
}

fn milliseconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    value.extract().map(Duration::from_millis)
}

fn pairs(mapping: &Bound<'_, PyMapping>) -> PyResult<Options> {
    mapping.items()?.iter().map(|item| item.extract()).collect()
}

/// A function of Python, which is called by the Python thread that wants something of the store.
fn provider_of(function: Py<PyAny>) -> Provider {
    Arc::new(move || {
        Python::try_attach(|py| function.call0(py).and_then(|given| pairs(given.bind(py).cast()?)))
            .unwrap_or_else(|| Ok(Options::new()))
            .map_err(keep_raised)
    })
}
