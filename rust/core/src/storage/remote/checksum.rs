//! Checksums that go with uploads to S3, which refuses what does not match.
//!
//! The client library knows two of the five, so that the headers are added when a request is sent, before it is signed
//! anew.  Parts have checksums of their own, which the request that puts them together has to repeat.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, Uri};
use http_body_util::BodyExt;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// The digest of the body, for the signature.
const DIGEST: &str = "x-amz-content-sha256";

/// What a checksum is computed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// As in Ethernet and zip files.
    Crc32,
    /// Castagnoli's polynomial.
    Crc32c,
    /// As in NVMe.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Checksum {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|checksum| checksum.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        })
    }

    /// Big-endian, in Base64.
    fn of(self, data: &[u8]) -> String {
        let crc = |algorithm| crc_fast::checksum(algorithm, data);
        let four = |sum: u64| BASE64_STANDARD.encode(sum.to_be_bytes().get(4..).unwrap_or_default());
        match self {
            Self::Crc32 => four(crc(CrcAlgorithm::Crc32IsoHdlc)),
            Self::Crc32c => four(crc(CrcAlgorithm::Crc32Iscsi)),
            Self::Crc64Nvme => BASE64_STANDARD.encode(crc(CrcAlgorithm::Crc64Nvme).to_be_bytes()),
            Self::Sha1 => BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, data)),
            Self::Sha256 => BASE64_STANDARD.encode(digest(&SHA256, data)),
        }
    }

    /// Say in a request what belongs to an upload; whether there was anything to say.
    pub async fn add_to(self, request: &mut HttpRequest) -> Result<bool, HttpError> {
        let query = Query::of(request.uri());
        match *request.method() {
            Method::PUT if !request.headers().contains_key("x-amz-copy-source") => {
                let body = request.body().clone().collect().await?.to_bytes();
                let sum = self.of(&body);
                let value =
                    HeaderValue::from_str(&sum).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
                request.headers_mut().insert(self.header(), value);
                if let Some(number) = query.part {
                    remember(number, sum);
                }
            }
            Method::POST if query.begins_upload => {
                request.headers_mut().insert("x-amz-checksum-algorithm", HeaderValue::from_static(self.name()));
            }
            Method::POST if query.is_about_upload => {
                let body = request.body().clone().collect().await?.to_bytes();
                *request.body_mut() = self.completed(&String::from_utf8_lossy(&body)).into();
                // They are about the body as it was.
                request.headers_mut().remove(CONTENT_LENGTH);
                if request.headers().get(DIGEST).is_some_and(|digest| digest != "UNSIGNED-PAYLOAD") {
                    request.headers_mut().remove(DIGEST);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The list of the parts of an upload, with their checksums: numbered from 1 on, as the library writes them.
    fn completed(self, list: &str) -> String {
        let name = self.name();
        let sums = PARTS.try_with(|parts| parts.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let sums = sums.unwrap_or_default();
        let mut out = String::with_capacity(list.len());
        for (position, piece) in list.split("</Part>").enumerate() {
            if position > 0 {
                if let Some(sum) = sums.get(&position) {
                    out.push_str(&format!("<Checksum{name}>{sum}</Checksum{name}>"));
                }
                out.push_str("</Part>");
            }
            out.push_str(piece);
        }
        out
    }
}

tokio::task_local! {
    /// The checksums of the parts that this task has uploaded, by number.
    static PARTS: Mutex<BTreeMap<usize, String>>;
}

/// Make an upload in parts, whose checksums are remembered until it ends.
pub async fn of_parts<T>(upload: impl Future<Output = T>) -> T {
    PARTS.scope(Mutex::default(), upload).await
}

fn remember(part: usize, sum: String) {
    let _ = PARTS.try_with(|parts| parts.lock().unwrap_or_else(PoisonError::into_inner).insert(part, sum));
}

/// What the parameters of a request say of uploads in parts.
#[derive(Debug, Default)]
struct Query {
    part: Option<usize>,
    begins_upload: bool,
    is_about_upload: bool,
}

impl Query {
    fn of(uri: &Uri) -> Self {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "partNumber" => found.part = value.parse().ok(),
                "uploads" => found.begins_upload = true,
                "uploadId" => found.is_about_upload = true,
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::executor::block_on;
    use object_store::client::HttpRequestBody;

    use super::*;

    fn request(method: Method, uri: &str, body: &str) -> HttpRequest {
        let mut request = HttpRequest::new(HttpRequestBody::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        request
    }

    /// The sums of "123456789", which catalogues of checksums give; those of SHA are of its digests.
    #[test]
    fn checksums_are_the_known_ones() {
        let sums = Checksum::ALL.map(|checksum| checksum.of(b"123456789"));
        let bytes =
            |sum: &str| BASE64_STANDARD.decode(sum).unwrap().iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            sums.each_ref().map(|sum| bytes(sum)),
            [
                "cbf43926",
                "e3069283",
                "ae8b14860a799888",
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ]
        );
    }

    #[test]
    fn names_are_those_of_s3() {
        for checksum in Checksum::ALL {
            assert_eq!(Checksum::from_name(checksum.name()), Some(checksum));
            assert_eq!(checksum.header().as_str(), format!("x-amz-checksum-{}", checksum.name().to_lowercase()));
        }
        assert_eq!(Checksum::from_name("MD5"), None);
    }

    #[test]
    fn an_upload_in_parts_repeats_their_checksums() {
        let upload = async {
            for (number, body) in [(2, "two"), (1, "one")] {
                let uri = format!("http://host/b/k?partNumber={number}&uploadId=u");
                let mut part = request(Method::PUT, &uri, body);
                assert!(Checksum::Sha1.add_to(&mut part).await.unwrap());
                assert_eq!(part.headers()["x-amz-checksum-sha1"], Checksum::Sha1.of(body.as_bytes()));
            }
            let list = "<C><Part><ETag>a</ETag></Part><Part><ETag>b</ETag></Part></C>";
            let mut last = request(Method::POST, "http://host/b/k?uploadId=u", list);
            last.headers_mut().insert(DIGEST, HeaderValue::from_static("old"));
            assert!(Checksum::Sha1.add_to(&mut last).await.unwrap());
            assert!(!last.headers().contains_key(DIGEST));
            last.body().clone().collect().await.unwrap().to_bytes()
        };
        let (one, two) = (Checksum::Sha1.of(b"one"), Checksum::Sha1.of(b"two"));
        let expected = format!(
            "<C><Part><ETag>a</ETag><ChecksumSHA1>{one}</ChecksumSHA1></Part>\
             <Part><ETag>b</ETag><ChecksumSHA1>{two}</ChecksumSHA1></Part></C>"
        );
        assert_eq!(block_on(of_parts(upload)), expected);
    }

    #[test]
    fn nothing_is_said_of_other_requests() {
        let copy = request(Method::PUT, "http://host/b/k", "");
        let (mut parts, body) = copy.into_parts();
        parts.headers.insert("x-amz-copy-source", HeaderValue::from_static("b/x"));
        let copy = HttpRequest::from_parts(parts, body);
        for mut other in [
            copy,
            request(Method::GET, "http://host/b/k", ""),
            request(Method::POST, "http://host/b?delete", "<Delete/>"),
            request(Method::DELETE, "http://host/b/k?uploadId=u", ""),
        ] {
            assert!(!block_on(Checksum::Crc32.add_to(&mut other)).unwrap());
        }
    }
}
