//! HTTP clients that stores share.
//!
//! Making one reads every root certificate of the system, which takes milliseconds; and the connections of one that was
//! used are open already.

use std::sync::Mutex;

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};

/// Clients that are kept; programs seldom have more than two kinds of options.
const MOST: usize = 16;

/// What a client is made from besides its options.
const ENVIRONMENT: [&str; 10] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

static CLIENTS: Mutex<Vec<(String, HttpClient)>> = Mutex::new(Vec::new());

/// A client for these options, which others may be using.
pub fn client(options: &ClientOptions) -> object_store::Result<HttpClient> {
    // Not waited for: where another thread holds it, which a fork may have left behind, a client of its own does as well.
    let Ok(mut clients) = CLIENTS.try_lock() else { return ReqwestConnector::default().connect(options) };
    let key = key(options);
    if let Some((_, client)) = clients.iter().find(|(known, _)| *known == key) {
        return Ok(client.clone());
    }
    let made = ReqwestConnector::default().connect(options)?;
    if clients.len() >= MOST {
        clients.remove(0);
    }
    clients.push((key, made.clone()));
    Ok(made)
}

/// Two clients of equal keys are alike.  Certificates, which do not show, are only ever given through the environment.
fn key(options: &ClientOptions) -> String {
    let environment = ENVIRONMENT.map(std::env::var_os);
    format!("{options:?} {environment:?}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_makes_clients_differ_is_in_their_keys() {
        let options = ClientOptions::new;
        assert_eq!(key(&options()), key(&options()));
        for other in [
            options().with_allow_http(true),
            options().with_timeout(Duration::from_secs(7)),
            options().with_proxy_url("http://proxy:1"),
            options().with_allow_invalid_certificates(true),
        ] {
            assert_ne!(key(&options()), key(&other));
        }
    }
}
