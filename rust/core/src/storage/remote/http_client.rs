//! The HTTP client below every remote store: it says who is asking, and adds the headers that users want.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RANGE, USER_AGENT};
use http::{Method, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use url::Url;

use super::checksum::Checksum;
use super::doubt::Doubt;
use super::label::{self, RequestLabel};
use super::partial::{self, Asked};
use super::pieces;
use super::raw_key::{RawKey, Unplaced};
use super::redirects::{self, Next, Refused, Rules};
use super::rooted;
use super::server_clock::ServerClock;
use super::settings::{Options, RemoteKind, RemoteSettings};
use super::shared_client;
use super::whole::{self, Held, Wanted, Wholes};
use crate::error::{Error, ErrorKind, Result};

/// Makes the client of one store.
#[derive(Debug, Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

/// What is the same for all requests of a store.
#[derive(Debug)]
struct Shared {
    read: HeaderMap,
    write: HeaderMap,
    product: String,
    comment: String,
    checksum: Option<Checksum>,
    rooted: bool,
    clock: Arc<ServerClock>,
    signer: OnceLock<Signer>,
    rules: Rules,
    wholes: Wholes,
}

/// Signs requests anew whose headers we have changed.
pub struct Signer {
    /// Where the keys come from.
    pub credentials: AwsCredentialProvider,
    /// Region of the bucket.
    pub region: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.region)
    }
}

impl Connector {
    /// The connector that these settings ask for, which follows redirects by these rules and sets the `clock`.
    ///
    /// # Errors
    /// A header that HTTP does not allow.
    pub fn new(settings: &RemoteSettings, rules: Rules, clock: Arc<ServerClock>) -> Result<Self> {
        let wholes = Wholes::new(rules.kind != RemoteKind::Http);
        let shared = Shared {
            read: headers(&settings.read_headers)?,
            write: headers(&settings.write_headers)?,
            product: settings.user_agent.clone(),
            comment: settings.user_agent_comment.clone(),
            checksum: settings.checksum,
            rooted: settings.rooted,
            clock,
            signer: OnceLock::new(),
            rules,
            wholes,
        };
        shared.user_agent(None)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sign with these from now on what is changed when it is sent.
    pub fn set_signer(&self, signer: Signer) {
        let _ = self.shared.signer.set(signer);
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = shared_client::client(options, false)?;
        let plain = shared_client::allows_http(options);
        let shared = Arc::clone(&self.shared);
        Ok(HttpClient::new(Client { inner, public: OnceLock::new(), options: options.clone(), plain, shared }))
    }
}

#[derive(Debug)]
struct Client {
    inner: HttpClient,
    /// The same, for hosts that nobody has named.
    public: OnceLock<HttpClient>,
    options: ClientOptions,
    /// Addresses of `http:` are allowed.
    plain: bool,
    shared: Arc<Shared>,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let listing = is_listing(request.uri());
        let read = is_read(request.method());
        let doubt = request.extensions().get::<Doubt>().cloned().unwrap_or_default();
        let is_get = request.method() == Method::GET;
        let sent = match request.headers().get(RANGE).and_then(Asked::parse) {
            Some(asked) if is_get => self.part(request, asked).await,
            _ => self.exchange(request).await,
        };
        let answer = sent.inspect_err(|error| {
            // Whoever said to go elsewhere has done nothing.
            if !is_refused(error) {
                doubt.heed_silence(error);
            }
        })?;
        if !read {
            // Answers to reads may come from caches.
            self.shared.clock.heed(answer.headers(), SystemTime::now());
        }
        let unmeasured = is_get && !answer.headers().contains_key(CONTENT_LENGTH);
        if !listing && !unmeasured && answer.status().is_success() {
            return Ok(answer);
        }
        // The library asks again when an answer does not come, but not when a listing or what a refusal says is cut short;
        // and of an object it wants to know the length.
        let (parts, body) = answer.into_parts();
        let whole = body.bytes().await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        doubt.heed(parts.status, whole.as_deref().unwrap_or_default());
        Ok(pieces::complete(parts, whole?))
    }
}

impl Client {
    /// The answer to a request for a range: that range, or an error.
    async fn part(&self, mut request: HttpRequest, asked: Asked) -> std::result::Result<HttpResponse, HttpError> {
        let raw = request.extensions().get::<RawKey>().map(|key| key.placed(request.uri())).transpose();
        let address = raw.map_err(unplaced)?.unwrap_or_else(|| request.uri().clone()).to_string();
        let length = asked.last.map_or(0, |last| last.saturating_sub(asked.first).saturating_add(1));
        let wanted = request.extensions_mut().remove::<Wanted>().map_or(length, |wanted| wanted.0);
        let conditions = request.headers().clone();
        let wholes = &self.shared.wholes;
        let turn = match wholes.kept_or_turn(&address, asked, &conditions).await {
            Ok(answer) => return Ok(answer),
            Err(turn) => turn,
        };
        let answer = match self.exchange(request).await {
            Ok(answer) if answer.status().is_success() && answer.status() != StatusCode::PARTIAL_CONTENT => {
                return wholes.part(&address, asked, wanted, &conditions, answer).await;
            }
            other => {
                wholes.not_whole();
                other?
            }
        };
        drop(turn);
        if answer.status().is_success() && whole::held(&conditions, answer.headers()) == Held::Not {
            return Ok(whole::empty(StatusCode::PRECONDITION_FAILED, answer.headers()));
        }
        let page = self.shared.rules.kind == RemoteKind::Http;
        if let Some(page) = whole::page(&conditions, &answer).filter(|_| page) {
            return Err(page.into());
        }
        // What is wrong with a range is told as if it had not come, so that the library asks again.
        partial::checked(conditions.get(RANGE), answer).await
    }

    /// Send a request, and follow where it is led.
    async fn exchange(&self, mut request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let bare = request.clone();
        self.shared.prepare(&mut request).await?;
        if is_metadata_service(request.uri()) {
            return self.inner.execute(request).await;
        }
        let mut left_origin = false;
        for _ in 0..=redirects::MOST {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let mut again = request.clone();
            let answer = self.sender(&uri)?.execute(request).await?;
            let rules = &self.shared.rules;
            match rules.next(&method, &uri, answer.status(), answer.headers(), self.plain).map_err(refused)? {
                Next::Stay => return Ok(answer),
                Next::Go { url, same_origin } => {
                    *again.uri_mut() =
                        url.as_str().parse().map_err(|_| refused(Refused::NoAddress(url.to_string())))?;
                    if !same_origin && !left_origin {
                        left_origin = true;
                        // What the library itself has to say, without what users have, is for a service of S3 only.
                        let mut kept =
                            if rules.kind == RemoteKind::S3 { bare.headers().clone() } else { HeaderMap::new() };
                        kept.extend(redirects::neutral(again.headers()));
                        *again.headers_mut() = kept;
                    }
                    if is_signed(&again)
                        && let Some(signer) = self.shared.signer.get()
                    {
                        let region = redirects::region_of(&url).filter(|_| left_origin);
                        signer.sign(&mut again, region.as_deref()).await?;
                    }
                    request = again;
                }
            }
        }
        Err(refused(Refused::TooMany(request.uri().to_string())))
    }

    /// The client for an address: names that nobody has named must be those of public hosts.
    fn sender(&self, uri: &Uri) -> std::result::Result<HttpClient, HttpError> {
        let rules = &self.shared.rules;
        // The library would panic over what is an address to one parser and none to the other.
        let Ok(url) = Url::parse(&uri.to_string()) else {
            return Err(refused(Refused::NoAddress(uri.to_string())));
        };
        if rules.kind != RemoteKind::Http {
            return Ok(self.inner.clone());
        }
        if rules.is_named(&url) {
            return Ok(self.inner.clone());
        }
        if !rules.may_be_reached(&url) {
            return Err(refused(Refused::Private(url)));
        }
        if let Some(client) = self.public.get() {
            return Ok(client.clone());
        }
        let made = shared_client::client(&self.options, true)
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        Ok(self.public.get_or_init(|| made).clone())
    }
}

fn refused(error: Refused) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

fn is_refused(error: &HttpError) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Refused>())
}

fn unplaced(error: Unplaced) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

impl Shared {
    async fn prepare(&self, request: &mut HttpRequest) -> std::result::Result<(), HttpError> {
        let moved = self.place_key(request).map_err(unplaced)?;
        let label = request.extensions().get::<RequestLabel>().cloned().or_else(label::of_parts);
        if let Some(agent) = self.user_agent(label.as_ref().map(|label| &*label.0)).unwrap_or_default() {
            request.headers_mut().insert(USER_AGENT, agent);
        }
        if is_metadata_service(request.uri()) {
            return Ok(());
        }
        let extra = if is_read(request.method()) { &self.read } else { &self.write };
        for (name, value) in extra {
            request.headers_mut().insert(name, value.clone());
        }
        let summed = match self.checksum {
            Some(checksum) => checksum.add_to(request).await?,
            None => false,
        };
        match self.signer.get() {
            Some(signer) if (moved || summed || has_amazon_headers(extra)) && is_signed(request) => {
                signer.sign(request, None).await
            }
            _ => Ok(()),
        }
    }

    /// Give a request the key that the library has no path for; whether it has one.
    fn place_key(&self, request: &mut HttpRequest) -> std::result::Result<bool, Unplaced> {
        let raw = request.extensions().get::<RawKey>().map(|key| key.placed(request.uri())).transpose()?;
        let moved = raw.map(|uri| *request.uri_mut() = uri).is_some();
        if self.rooted {
            rooted::place(request)?;
        }
        Ok(moved || self.rooted)
    }

    fn user_agent(&self, label: Option<&str>) -> Result<Option<HeaderValue>> {
        if self.product.is_empty() {
            return Ok(None);
        }
        let comment: Vec<&str> =
            [Some(self.comment.as_str()), label].into_iter().flatten().filter(|c| !c.is_empty()).collect();
        let text = match comment.as_slice() {
            [] => self.product.clone(),
            parts => format!("{} ({})", self.product, parts.join("; ")),
        };
        HeaderValue::from_str(&text).map(Some).map_err(|_| invalid_header("user-agent"))
    }
}

impl Signer {
    /// Sign for the region of the bucket, or for one that a redirect has led to.
    async fn sign(&self, request: &mut HttpRequest, region: Option<&str>) -> std::result::Result<(), HttpError> {
        let failed = |error: object_store::Error| HttpError::new(HttpErrorKind::Unknown, error);
        let credential = self.credentials.get_credential().await.map_err(failed)?;
        // The digest of the body has been computed for the first signature.
        let digest =
            request.headers().get("x-amz-content-sha256").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let digest = digest.unwrap_or_default();
        AwsAuthorizer::new(&credential, "s3", region.unwrap_or(&self.region))
            .with_sign_payload(digest != "UNSIGNED-PAYLOAD")
            .try_authorize(request, bytes_of_hex(&digest).as_deref())
            .map_err(failed)
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes = digits?;
    let pairs = bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit));
    let bytes: Vec<u8> = pairs.filter_map(|byte| u8::try_from(byte).ok()).collect();
    (bytes.len() == 32).then_some(bytes)
}

/// Whether the library has signed a request; those by which it asks for credentials show other things.
fn is_signed(request: &HttpRequest) -> bool {
    request.headers().get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"))
}

fn is_read(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND")
}

/// Whether a request asks for names of objects.
fn is_listing(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| matches!(pair, "list-type=2" | "comp=list")))
}

/// Services on the machine itself give out credentials; headers meant for the store are none of their business.
fn is_metadata_service(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host.starts_with("169.254.") || host == "metadata.google.internal")
}

fn has_amazon_headers(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("x-amz-"))
}

fn headers(pairs: &Options) -> Result<HeaderMap> {
    let parse = |(name, value): &(String, String)| {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        match parsed {
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err(invalid_header(name)),
        }
    };
    pairs.iter().map(parse).collect()
}

fn invalid_header(name: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("invalid HTTP header {name:?}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use object_store::StaticCredentialProvider;
    use object_store::aws::AwsCredential;
    use object_store::client::HttpRequestBody;

    use super::*;

    fn rules() -> Rules {
        Rules { kind: RemoteKind::S3, named: Vec::new() }
    }

    fn connector() -> Connector {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = RemoteSettings {
            user_agent: "client/1 frazil/2".to_owned(),
            user_agent_comment: "workload=w".to_owned(),
            read_headers: vec![pair("x-read", "1")],
            write_headers: vec![pair("x-amz-meta-note", "2")],
            ..RemoteSettings::default()
        };
        Connector::new(&settings, rules(), Arc::default()).unwrap()
    }

    fn prepared(connector: &Connector, method: Method, uri: &str, label: Option<&str>) -> HeaderMap {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("AWS4-HMAC-SHA256 old"));
        if let Some(label) = label {
            request.extensions_mut().insert(RequestLabel(label.into()));
        }
        futures::executor::block_on(connector.shared.prepare(&mut request)).unwrap();
        request.headers().clone()
    }

    #[test]
    fn every_request_says_who_asks() {
        let agent = |label| prepared(&connector(), Method::GET, "http://host/x", label)[USER_AGENT].clone();
        assert_eq!(agent(None), "client/1 frazil/2 (workload=w)");
        assert_eq!(agent(Some("array=/a; chunk=0")), "client/1 frazil/2 (workload=w; array=/a; chunk=0)");
    }

    #[test]
    fn headers_go_with_their_role() {
        let connector = connector();
        let read = prepared(&connector, Method::HEAD, "http://host/x", None);
        assert_eq!((read.get("x-read").unwrap(), read.get("x-amz-meta-note")), (&HeaderValue::from_static("1"), None));
        let write = prepared(&connector, Method::PUT, "http://host/x", None);
        assert_eq!(
            (write.get("x-read"), write.get("x-amz-meta-note").unwrap()),
            (None, &HeaderValue::from_static("2"))
        );
        let other = prepared(&connector, Method::PUT, "http://169.254.169.254/latest/api/token", None);
        assert_eq!(other.get("x-amz-meta-note"), None);
    }

    #[test]
    fn amazon_headers_are_signed() {
        let connector = connector();
        let key = AwsCredential { key_id: "id".to_owned(), secret_key: "secret".to_owned(), token: None };
        let credentials = Arc::new(StaticCredentialProvider::new(key));
        connector.set_signer(Signer { credentials, region: "us-east-1".to_owned() });
        let signed = prepared(&connector, Method::PUT, "http://host/x", None);
        assert!(signed[AUTHORIZATION].to_str().unwrap().contains("x-amz-meta-note"));
        assert_eq!(prepared(&connector, Method::GET, "http://host/x", None)[AUTHORIZATION], "AWS4-HMAC-SHA256 old");
    }

    #[test]
    fn headers_that_http_forbids_are_refused() {
        for (name, value) in [("a b", "x"), ("a", "x\ny")] {
            let read_headers = vec![(name.to_owned(), value.to_owned())];
            let settings = RemoteSettings { read_headers, ..RemoteSettings::default() };
            assert!(Connector::new(&settings, rules(), Arc::default()).is_err());
        }
    }
}
