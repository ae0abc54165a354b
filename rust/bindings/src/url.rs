//! URLs: by the WHATWG rules, as the format stores them (format section 5.3), and as they may be shown.

use std::net::IpAddr;

use frazil_core::storage::remote::redirects::{Rules, host_of};
use frazil_core::storage::remote::resolving;
use frazil_core::storage::remote::settings::RemoteKind;
use frazil_core::storage::remote::shown;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use url::Url;

/// The normal form of an absolute URL; `ValueError` says why a text is none.
#[pyfunction]
pub fn normalise_url(text: &str) -> PyResult<String> {
    Url::parse(text).map(String::from).map_err(|problem| PyValueError::new_err(problem.to_string()))
}

/// A text without the passwords and signatures of the addresses in it.
#[pyfunction]
pub fn without_secrets(text: &str) -> String {
    shown::without_secrets(text)
}

/// The same of a text that is an address as a whole, whatever is in it.
#[pyfunction]
pub fn address_without_secrets(address: &str) -> String {
    shown::address_without_secrets(address)
}

/// Whether what has this name may not be shown.
#[pyfunction]
pub fn is_secret(name: &str) -> bool {
    shown::is_secret(name)
}

/// Whether two URLs are of the same scheme, host and port.
#[pyfunction]
pub fn same_origin(one: &str, other: &str) -> bool {
    matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other)) if one.origin() == other.origin())
}

/// Whether an address is one of the public internet; a text that is no address is not.
#[pyfunction]
pub fn is_public_address(text: &str) -> bool {
    let text = text.split('%').next().unwrap_or_default();
    text.parse::<IpAddr>().is_ok_and(resolving::is_public)
}

/// Whether the host of a URL is one of those that are named, as hosts or by addresses.
#[pyfunction]
pub fn is_named_host(url: &str, named: Vec<String>) -> bool {
    Url::parse(url).is_ok_and(|url| rules(&named).is_named(&url))
}

/// Whether a redirect may lead to a URL: a public one, as far as that shows, or one whose host is named.
#[pyfunction]
pub fn may_be_reached(url: &str, named: Vec<String>) -> bool {
    Url::parse(url).is_ok_and(|url| rules(&named).may_be_reached(&url))
}

fn rules(named: &[String]) -> Rules {
    Rules { kind: RemoteKind::Http, named: named.iter().filter_map(|host| host_of(host)).collect() }
}
