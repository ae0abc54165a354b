//! HTTP clients that stores share.
//!
//! Making one reads every root certificate of the system, which takes milliseconds; and the connections of one that was
//! used are open already.  They follow no redirects: `redirects` does, which knows what may go where.

use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use object_store::client::HttpClient;
use object_store::{ClientConfigKey as Key, ClientOptions};
use reqwest::{ClientBuilder, NoProxy, Proxy, redirect, tls};

use super::resolving::Resolver;

/// Clients that are kept; programs seldom have more than a few kinds of options.
const MOST: usize = 16;

/// Who is asking, where nothing else says so.
pub const AGENT: &str = concat!("frazil/", env!("CARGO_PKG_VERSION"));

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

/// A client for these options, which others may be using; one that is `public` reaches no private address by a name.
pub fn client(options: &ClientOptions, public: bool) -> object_store::Result<HttpClient> {
    // Not waited for: where another thread holds it, which a fork may have left behind, a client of its own does as well.
    let Ok(mut clients) = CLIENTS.try_lock() else { return made(options, public) };
    let key = key(options, public);
    if let Some((_, client)) = clients.iter().find(|(known, _)| *known == key) {
        return Ok(client.clone());
    }
    let made = made(options, public)?;
    if clients.len() >= MOST {
        clients.remove(0);
    }
    clients.push((key, made.clone()));
    Ok(made)
}

/// Two clients of equal keys are alike.  Certificates, which do not show, are only ever given through the environment.
fn key(options: &ClientOptions, public: bool) -> String {
    let environment = ENVIRONMENT.map(std::env::var_os);
    format!("{options:?} {environment:?} {public}")
}

/// As the library makes its clients, but for redirects and names.
fn made(options: &ClientOptions, public: bool) -> object_store::Result<HttpClient> {
    let given = Given(options);
    let mut builder = ClientBuilder::new()
        .redirect(redirect::Policy::none())
        .user_agent(given.text(Key::UserAgent).unwrap_or_else(|| AGENT.to_owned()))
        .https_only(!given.is_set(Key::AllowHttp))
        .dns_resolver(Arc::new(Resolver { public, shuffles: given.is_set(Key::RandomizeAddresses) }));
    if let Some(url) = given.text(Key::ProxyUrl) {
        let mut proxy = Proxy::all(url).map_err(wrong)?;
        if let Some(certificate) = given.text(Key::ProxyCaCertificate) {
            let certificate = tls::Certificate::from_pem(certificate.as_bytes()).map_err(wrong)?;
            builder = builder.tls_certs_merge([certificate]);
        }
        if let Some(excludes) = given.text(Key::ProxyExcludes) {
            proxy = proxy.no_proxy(NoProxy::from_string(&excludes));
        }
        builder = builder.proxy(proxy);
    }
    if given.is_set(Key::NoSystemCertificates) {
        builder = builder.tls_certs_only([]);
    }
    if given.is_set(Key::AllowInvalidCertificates) {
        builder = builder.danger_accept_invalid_certs(true);
    }
    for (key, set) in [
        (Key::Timeout, ClientBuilder::timeout as fn(ClientBuilder, Duration) -> ClientBuilder),
        (Key::ConnectTimeout, ClientBuilder::connect_timeout),
        (Key::ReadTimeout, ClientBuilder::read_timeout),
        (Key::PoolIdleTimeout, |builder, time| builder.pool_idle_timeout(time)),
        (Key::Http2KeepAliveInterval, |builder, time| builder.http2_keep_alive_interval(time)),
        (Key::Http2KeepAliveTimeout, ClientBuilder::http2_keep_alive_timeout),
    ] {
        if let Some(time) = given.time(key)? {
            builder = set(builder, time);
        }
    }
    if let Some(most) = given.number(Key::PoolMaxIdlePerHost)? {
        builder = builder.pool_max_idle_per_host(most);
    }
    if let Some(size) = given.number(Key::Http2MaxFrameSize)? {
        builder = builder.http2_max_frame_size(Some(size));
    }
    if given.is_set(Key::Http2KeepAliveWhileIdle) {
        builder = builder.http2_keep_alive_while_idle(true);
    }
    if given.is_set(Key::Http1Only) {
        builder = builder.http1_only();
    }
    if given.is_set(Key::Http2Only) {
        builder = builder.http2_prior_knowledge();
    }
    // Compressed answers would have other lengths than the objects.
    builder = builder.no_gzip().no_brotli().no_zstd().no_deflate();
    Ok(HttpClient::new(builder.build().map_err(wrong)?))
}

/// Whether addresses of `http:` may be asked.
pub fn allows_http(options: &ClientOptions) -> bool {
    Given(options).is_set(Key::AllowHttp)
}

struct Given<'a>(&'a ClientOptions);

impl Given<'_> {
    fn text(&self, key: Key) -> Option<String> {
        self.0.get_config_value(&key)
    }

    fn is_set(&self, key: Key) -> bool {
        self.text(key)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on" | "y"))
    }

    fn time(&self, key: Key) -> object_store::Result<Option<Duration>> {
        self.text(key).map(|text| humantime::parse_duration(&text).map_err(wrong)).transpose()
    }

    fn number<T: std::str::FromStr<Err: Display>>(&self, key: Key) -> object_store::Result<Option<T>> {
        self.text(key).map(|text| text.parse().map_err(wrong)).transpose()
    }
}

fn wrong(reason: impl Display) -> object_store::Error {
    object_store::Error::Generic { store: "HTTP client", source: reason.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_clients_differ_is_in_their_keys() {
        let options = ClientOptions::new;
        assert_eq!(key(&options(), false), key(&options(), false));
        assert_ne!(key(&options(), false), key(&options(), true));
        for other in [
            options().with_allow_http(true),
            options().with_timeout(Duration::from_secs(7)),
            options().with_proxy_url("http://proxy:1"),
            options().with_allow_invalid_certificates(true),
        ] {
            assert_ne!(key(&options(), false), key(&other, false));
        }
    }

    #[test]
    fn every_option_makes_a_client() {
        super::super::runtime::choose_crypto();
        let given = [
            (Key::Timeout, "3 s"),
            (Key::ConnectTimeout, "100years 7ms"),
            (Key::ReadTimeout, "5min"),
            (Key::PoolIdleTimeout, "1s"),
            (Key::PoolMaxIdlePerHost, "3"),
            (Key::Http1Only, "true"),
            (Key::ProxyUrl, "http://proxy:1"),
            (Key::ProxyExcludes, "localhost"),
            (Key::AllowInvalidCertificates, "true"),
            (Key::RandomizeAddresses, "false"),
        ];
        let options = given.into_iter().fold(ClientOptions::new(), |all, (key, value)| all.with_config(key, value));
        assert!(made(&options, false).is_ok());
        for (key, value) in [(Key::Timeout, "soon"), (Key::PoolMaxIdlePerHost, "x"), (Key::ProxyUrl, "::")] {
            assert!(made(&ClientOptions::new().with_config(key, value), true).is_err(), "{value}");
        }
    }
}
