//! How an object store is used.

use std::time::Duration;

use super::checksum::Checksum;

/// What kind of service the objects are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// S3, and services that speak its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A web server that gives out files.
    Http,
}

impl RemoteKind {
    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "s3" => Some(Self::S3),
            "gcs" => Some(Self::Gcs),
            "azure" => Some(Self::Azure),
            "http" => Some(Self::Http),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::Http => "http",
        }
    }
}

/// Names and values, as the client library takes them.
pub type Options = Vec<(String, String)>;

/// How an object store is used; the defaults are those of the public settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// Where the keys start; empty for the root.
    pub prefix: String,
    /// Take what the options do not say from the environment.
    pub from_env: bool,
    /// Nothing may be written.
    pub read_only: bool,
    /// Send keys as they stand; else special characters are percent-encoded where the format wants it.
    pub verbatim: bool,
    /// Send user metadata and content types.
    pub metadata: bool,
    /// Creates are conditional; else they overwrite.
    pub conditional_create: bool,
    /// Updates are conditional; else they overwrite.
    pub conditional_update: bool,
    /// Larger objects are uploaded in parts.
    pub minimum_size_for_multipart_upload: u64,
    /// Requests in flight for one large object.
    pub max_concurrent_requests_for_object: usize,
    /// Size of the parts in which large objects are read and written.
    pub ideal_concurrent_request_size: u64,
    /// Requests in flight at all.
    pub max_requests: usize,
    /// How often a request is made, all in all.
    pub max_tries: usize,
    /// Pause after the first failure; it doubles with each further one.
    pub initial_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// For making a connection.
    pub connect_timeout: Option<Duration>,
    /// Between two pieces of an answer.
    pub read_timeout: Option<Duration>,
    /// For a call with all its tries.
    pub operation_timeout: Option<Duration>,
    /// For one try.
    pub operation_attempt_timeout: Option<Duration>,
    /// As `read_timeout`; the shorter one counts.
    pub network_stream_timeout: Option<Duration>,
    /// Headers of requests that read.
    pub read_headers: Options,
    /// Headers of requests that write.
    pub write_headers: Options,
    /// Products of the User-Agent header.
    pub user_agent: String,
    /// Start of its comment.
    pub user_agent_comment: String,
    /// The checksum to send with uploads to S3.
    pub checksum: Option<Checksum>,
    /// Keys begin with a slash, in front of the prefix if there is one; only on S3.
    pub rooted: bool,
    /// Hosts that web servers may redirect to even if they are on this machine, its link or a private network; without a
    /// list, the host of the store itself.  Addresses stand for their hosts.
    pub named_hosts: Option<Vec<String>>,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            from_env: false,
            read_only: false,
            verbatim: false,
            metadata: true,
            conditional_create: true,
            conditional_update: true,
            minimum_size_for_multipart_upload: 100 << 20,
            max_concurrent_requests_for_object: 18,
            ideal_concurrent_request_size: 12 << 20,
            max_requests: 256,
            max_tries: 10,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(180),
            connect_timeout: None,
            read_timeout: None,
            operation_timeout: None,
            operation_attempt_timeout: None,
            network_stream_timeout: Some(Duration::from_secs(60)),
            read_headers: Vec::new(),
            write_headers: Vec::new(),
            user_agent: String::new(),
            user_agent_comment: String::new(),
            checksum: None,
            rooted: false,
            named_hosts: None,
        }
    }
}
