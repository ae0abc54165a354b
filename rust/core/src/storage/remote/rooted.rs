//! Keys that begin with a slash, as old writers made them at the root of a bucket on S3.
//!
//! The client library has no path for them either.  It is given one below a stand-in for the root, and requests get the
//! slash when they are sent.  In listings it takes the slash off by itself.

use http::Uri;
use http::header::{HeaderName, HeaderValue};
use object_store::client::HttpRequest;

use super::raw_key::{Unplaced, with_target};

/// What the library takes for the prefix of all keys.
pub const STAND_IN: &str = "keys-with-a-leading-slash";

const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");

/// Put the slash in the place of the stand-in, wherever a request names keys.
pub fn place(request: &mut HttpRequest) -> Result<(), Unplaced> {
    *request.uri_mut() = placed(request.uri())?;
    if let Some(source) = request.headers().get(COPY_SOURCE).and_then(|source| source.to_str().ok()) {
        let rooted = HeaderValue::try_from(in_path(source)).map_err(|_| Unplaced::NoPlace)?;
        request.headers_mut().insert(COPY_SOURCE, rooted);
    }
    Ok(())
}

fn placed(uri: &Uri) -> Result<Uri, Unplaced> {
    let mut target = in_path(uri.path());
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(&query.replacen(&format!("prefix={STAND_IN}%2F"), "prefix=%2F", 1));
    }
    with_target(uri, target)
}

fn in_path(path: &str) -> String {
    path.replacen(&format!("/{STAND_IN}/"), "//", 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_slash_takes_the_place_of_the_stand_in() {
        for (given, sent) in [
            (format!("http://host/bucket/{STAND_IN}/snapshots/X"), "http://host/bucket//snapshots/X"),
            (format!("http://bucket.host/{STAND_IN}/repo?x=1"), "http://bucket.host//repo?x=1"),
            (
                format!("http://host/bucket?list-type=2&prefix={STAND_IN}%2Frefs%2F"),
                "http://host/bucket?list-type=2&prefix=%2Frefs%2F",
            ),
            (
                format!("http://host/bucket?list-type=2&prefix={STAND_IN}%2F"),
                "http://host/bucket?list-type=2&prefix=%2F",
            ),
        ] {
            assert_eq!(placed(&given.parse().unwrap()).unwrap().to_string(), sent);
        }
        assert_eq!(in_path(&format!("bucket/{STAND_IN}/a/b")), "bucket//a/b");
    }
}
