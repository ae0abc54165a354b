//! From options to a client of the library.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use super::credentials::Credentials;
use super::http_client::{Connector, Signer};
use super::redirects::{self, Rules};
use super::server_clock::ServerClock;
use super::settings::{Options, RemoteKind, RemoteSettings};
use super::shown::{address_without_secrets, without_secrets};
use crate::error::{Error, ErrorKind, Result};

/// After this long a request is not repeated any more: signatures expire.
const RETRY_TIME: Duration = Duration::from_secs(4 * 60);

/// "No limit", where the library knows none.
const EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the library, and the cell of its credentials if `exchanged` ones are used.  It sets the `clock`.
pub fn client(
    kind: RemoteKind,
    options: &Options,
    settings: &RemoteSettings,
    exchanged: bool,
    clock: Arc<ServerClock>,
) -> Result<(Arc<dyn ObjectStore>, Option<Credentials>)> {
    let connector = Connector::new(settings, rules(kind, options, settings), clock)?;
    let mut given = timeouts(settings);
    given.extend(options.iter().cloned());
    match kind {
        RemoteKind::S3 => s3(given, settings, connector, exchanged),
        RemoteKind::Gcs => gcs(&given, settings, connector, exchanged),
        RemoteKind::Azure => azure(&given, settings, connector, exchanged),
        RemoteKind::Http => http(given, settings, connector),
    }
}

/// Who may be asked in the place of whom; whoever gives the address of a web server names its host.
fn rules(kind: RemoteKind, options: &Options, settings: &RemoteSettings) -> Rules {
    let own =
        || options.iter().filter(|(name, _)| name == "url").filter_map(|(_, url)| redirects::host_of(url)).collect();
    let given = |hosts: &Vec<String>| hosts.iter().filter_map(|host| redirects::host_of(host)).collect();
    Rules { kind, named: settings.named_hosts.as_ref().map_or_else(own, given) }
}

fn s3(
    mut options: Options,
    settings: &RemoteSettings,
    connector: Connector,
    exchanged: bool,
) -> Result<(Arc<dyn ObjectStore>, Option<Credentials>)> {
    if let Some((_, endpoint)) = options.iter().find(|(name, _)| name == "aws_endpoint")
        && (Url::parse(endpoint).is_err() || endpoint.parse::<http::Uri>().is_err())
    {
        return Err(config(&format!("the endpoint {} is no URL", address_without_secrets(endpoint))));
    }
    if settings.rooted {
        // It names keys in its body.
        options.push(("aws_disable_bulk_delete".to_owned(), "true".to_owned()));
    }
    let mut builder = if settings.from_env { AmazonS3Builder::from_env() } else { AmazonS3Builder::new() };
    builder = configured::<AmazonS3ConfigKey, _>(builder, &options, AmazonS3Builder::with_config)?;
    if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
        // Credentials that are given say nothing of the region, so the environment's is as good as any.
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| std::env::var(name).ok());
        builder = builder.with_region(region.unwrap_or_else(|| "us-east-1".to_owned()));
    }
    if builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|url| is_plain(&url)) {
        builder = builder.with_allow_http(true);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_default();
    let cell = exchanged.then(Arc::default);
    if let Some(cell) = &cell {
        builder = builder.with_credentials(Arc::clone(cell) as _);
    }
    let store =
        builder.with_retry(retries(settings)).with_http_connector(connector.clone()).build().map_err(invalid)?;
    connector.set_signer(Signer { credentials: Arc::clone(store.credentials()), region });
    Ok((Arc::new(store), cell.map(Credentials::Aws)))
}

fn gcs(
    options: &Options,
    settings: &RemoteSettings,
    connector: Connector,
    exchanged: bool,
) -> Result<(Arc<dyn ObjectStore>, Option<Credentials>)> {
    let mut builder =
        if settings.from_env { GoogleCloudStorageBuilder::from_env() } else { GoogleCloudStorageBuilder::new() };
    builder = configured::<GoogleConfigKey, _>(builder, options, GoogleCloudStorageBuilder::with_config)?;
    let cell = exchanged.then(Arc::default);
    if let Some(cell) = &cell {
        builder = builder.with_credentials(Arc::clone(cell) as _);
    }
    let store = builder.with_retry(retries(settings)).with_http_connector(connector).build().map_err(invalid)?;
    Ok((Arc::new(store), cell.map(Credentials::Gcp)))
}

fn azure(
    options: &Options,
    settings: &RemoteSettings,
    connector: Connector,
    exchanged: bool,
) -> Result<(Arc<dyn ObjectStore>, Option<Credentials>)> {
    let mut builder = if settings.from_env { MicrosoftAzureBuilder::from_env() } else { MicrosoftAzureBuilder::new() };
    builder = configured::<AzureConfigKey, _>(builder, options, MicrosoftAzureBuilder::with_config)?;
    let cell = exchanged.then(Arc::default);
    if let Some(cell) = &cell {
        builder = builder.with_credentials(Arc::clone(cell) as _);
    }
    let store = builder.with_retry(retries(settings)).with_http_connector(connector).build().map_err(invalid)?;
    Ok((Arc::new(store), cell.map(Credentials::Azure)))
}

fn http(
    mut options: Options,
    settings: &RemoteSettings,
    connector: Connector,
) -> Result<(Arc<dyn ObjectStore>, Option<Credentials>)> {
    let position = options.iter().position(|(name, _)| name == "url");
    let (_, url) =
        position.map(|position| options.remove(position)).ok_or_else(|| config("the option url is missing"))?;
    let plain = is_plain(&url);
    let mut builder = HttpBuilder::new().with_url(url).with_config(ClientConfigKey::AllowHttp, plain.to_string());
    builder = configured::<ClientConfigKey, _>(builder, &options, HttpBuilder::with_config)?;
    let store = builder.with_retry(retries(settings)).with_http_connector(connector).build().map_err(invalid)?;
    Ok((Arc::new(store), None))
}

/// Whether an address is one without encryption: whoever writes http:// means it.
fn is_plain(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

fn configured<K, B>(builder: B, options: &Options, with: impl Fn(B, K, String) -> B) -> Result<B>
where
    K: FromStr<Err = object_store::Error>,
{
    options
        .iter()
        .try_fold(builder, |builder, (name, value)| Ok(with(builder, name.parse().map_err(invalid)?, value.clone())))
}

fn timeouts(settings: &RemoteSettings) -> Options {
    let stalled = [settings.read_timeout, settings.network_stream_timeout].into_iter().flatten().min().unwrap_or(EVER);
    [
        ("connect_timeout", settings.connect_timeout.unwrap_or(CONNECT_TIMEOUT)),
        ("read_timeout", stalled),
        ("timeout", settings.operation_attempt_timeout.unwrap_or(EVER)),
    ]
    .into_iter()
    .map(|(name, time)| (name.to_owned(), format!("{}ms", time.as_millis())))
    .collect()
}

fn retries(settings: &RemoteSettings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: settings.initial_backoff,
            max_backoff: settings.max_backoff.max(settings.initial_backoff),
            base: 2.,
        },
        max_retries: settings.max_tries.saturating_sub(1),
        retry_timeout: RETRY_TIME,
    }
}

fn invalid(error: object_store::Error) -> Error {
    config(&without_secrets(&error.to_string()))
}

fn config(reason: &str) -> Error {
    Error::new(ErrorKind::StorageConfig, format!("invalid configuration of the object store: {reason}"))
}
