//! Where a redirect may lead, and what goes along.
//!
//! No header of ours crosses an origin: neither those that users give, nor signatures and tokens, nor what the User-Agent
//! says of a workload, nor a `Referer` with the address (which may be a signed one).

use std::net::{IpAddr, Ipv4Addr};

use http::header::{
    ACCEPT, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
    LOCATION, RANGE, USER_AGENT,
};
use http::{Method, StatusCode, Uri};
use url::{Host, Url};

use super::resolving::{NOT_PUBLIC, is_public};
use super::settings::RemoteKind;
use super::shared_client::AGENT;

/// Redirects that are followed for one request; this also ends loops.
pub const MOST: usize = 10;

/// What says what is asked, and nothing of who asks.
const NEUTRAL: [HeaderName; 6] = [ACCEPT, RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

/// Why a redirect is not followed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A loop, most likely.
    #[error("more than {MOST} redirects, the last one to {0}")]
    TooMany(String),
    /// What is behind `Location` is no address of the web.
    #[error("{0} is no address of a web server, neither to ask nor to be redirected to")]
    NoAddress(String),
    /// The answer would be anybody's.
    #[error("a redirect to {0}, where nothing is encrypted; give the option allow_http=true if that is meant")]
    Downgrade(Url),
    /// Services of the machine or of its network would be asked in our name.
    #[error("a redirect to {0}, which {NOT_PUBLIC}")]
    Private(Url),
    /// A service whose requests are signed, or carry a token, has moved.
    #[error("a redirect to {0}, another host than the service itself: correct its endpoint or region")]
    OtherHost(Url),
}

/// Who may be asked in the place of whoever was.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Files of the web move about; signed requests do not.
    pub kind: RemoteKind,
    /// Hosts that may be private ones.
    pub named: Vec<String>,
}

/// What to do about an answer.
pub enum Next {
    /// It is the one.
    Stay,
    /// The same is asked elsewhere: with all headers in the same origin, else with [`neutral`] ones.
    Go {
        /// Where.
        url: Url,
        /// Whether it is the same scheme, host and port.
        same_origin: bool,
    },
}

impl Rules {
    /// Judge the answer to a request of `method` to `asked`; `plain` allows addresses of `http:`.
    pub fn next(
        &self,
        method: &Method,
        asked: &Uri,
        status: StatusCode,
        headers: &HeaderMap,
        plain: bool,
    ) -> Result<Next, Refused> {
        let repeats = match status.as_u16() {
            307 | 308 => true,
            301..=303 => matches!(*method, Method::GET | Method::HEAD),
            _ => false,
        };
        let Some(location) = headers.get(LOCATION).filter(|_| repeats) else { return Ok(Next::Stay) };
        let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let from = Url::parse(&asked.to_string()).map_err(|_| Refused::NoAddress(asked.to_string()))?;
        let Ok(mut url) = from.join(&text) else { return Err(Refused::NoAddress(text)) };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Refused::NoAddress(text));
        }
        // Nobody's credentials are taken from an answer.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        if url.origin() == from.origin() {
            return Ok(Next::Go { url, same_origin: true });
        }
        if url.scheme() == "http" && from.scheme() == "https" && !(plain && self.kind == RemoteKind::Http) {
            return Err(Refused::Downgrade(url));
        }
        match self.kind {
            RemoteKind::Http if !self.may_be_reached(&url) => Err(Refused::Private(url)),
            RemoteKind::Http if matches!(*method, Method::GET | Method::HEAD) => {
                Ok(Next::Go { url, same_origin: false })
            }
            RemoteKind::S3 if is_of_amazon(&from) && is_of_amazon(&url) => Ok(Next::Go { url, same_origin: false }),
            _ => Err(Refused::OtherHost(url)),
        }
    }

    /// Whether an address is a public one, or was named; names are looked up when they are connected to.
    pub fn may_be_reached(&self, url: &Url) -> bool {
        self.is_named(url)
            || match url.host() {
                Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
                Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
                Some(Host::Domain(_)) => !is_loopback(url),
                None => false,
            }
    }

    /// Whether a host was named; all names of the machine itself are one.
    pub fn is_named(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let named = |name: &String| {
            name.eq_ignore_ascii_case(host)
                || is_loopback(url) && Url::parse(&format!("http://{name}/")).is_ok_and(|named| is_loopback(&named))
        };
        self.named.iter().any(named)
    }
}

/// The host of an address, or one that is given by itself, as it is named in [`Rules`].
#[must_use]
pub fn host_of(address: &str) -> Option<String> {
    let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
    if address.contains("://") { host(address) } else { host(&format!("http://{address}/")) }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().as_ref().is_some_and(Ipv4Addr::is_loopback)
        }
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// Whether a host is one of S3 itself: `[bucket.]s3[.dualstack].region.amazonaws.com` and the like.
fn is_of_amazon(url: &Url) -> bool {
    let Some(Host::Domain(host)) = url.host() else { return false };
    let Some(rest) = host.strip_suffix(".cn").unwrap_or(host).strip_suffix(".amazonaws.com") else { return false };
    if url.port().is_some() {
        return false;
    }
    // From the right: a region or none, `dualstack` or not, and the service.  Before it only a bucket comes.
    let mut labels = rest.rsplit('.').peekable();
    if labels.peek().is_some_and(|label| is_region(label)) {
        labels.next();
    }
    if labels.peek() == Some(&"dualstack") {
        labels.next();
    }
    labels.next().is_some_and(|label| {
        matches!(label, "s3" | "s3-fips" | "s3-accelerate") || label.strip_prefix("s3-").is_some_and(is_region)
    })
}

/// Whether a text is the name of a region: `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some(((number, area), names)) =
        parts.split_last().and_then(|(last, rest)| rest.split_first().map(|(a, n)| ((last, a), n)))
    else {
        return false;
    };
    area.len() == 2
        && !names.is_empty()
        && number.parse::<u8>().is_ok()
        && [area].into_iter().chain(names).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The region that a host of S3 names.
#[must_use]
pub fn region_of(url: &Url) -> Option<String> {
    let labels = url.host_str()?.split('.');
    labels.map(|label| label.strip_prefix("s3-").unwrap_or(label)).rfind(|label| is_region(label)).map(str::to_owned)
}

/// What goes along to another origin.
#[must_use]
pub fn neutral(headers: &HeaderMap) -> HeaderMap {
    let kept = NEUTRAL.iter().filter_map(|name| headers.get(name).map(|value| (name.clone(), value.clone())));
    kept.chain([(USER_AGENT, HeaderValue::from_static(AGENT))]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn next(kind: RemoteKind, from: &str, location: &str, method: &Method, status: u16) -> Result<Next, Refused> {
        let rules = Rules { kind, named: host_of(from).into_iter().chain(["10.0.0.7".to_owned()]).collect() };
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).unwrap())]);
        rules.next(method, &from.parse().unwrap(), StatusCode::from_u16(status).unwrap(), &headers, false)
    }

    fn web(from: &str, location: &str) -> Result<Next, Refused> {
        next(RemoteKind::Http, from, location, &Method::GET, 302)
    }

    #[test]
    fn files_of_the_web_may_move_to_public_and_named_hosts() {
        for (from, location, to, same) in [
            ("https://a.org/x", "/y", "https://a.org/y", true),
            ("https://a.org/x", "https://a.org:443/y#f", "https://a.org/y", true),
            ("https://a.org/x", "https://b.org/y?z", "https://b.org/y?z", false),
            ("https://a.org/x", "//u:p@b.org/y", "https://b.org/y", false),
            ("https://a.org/x", "https://a.org:8443/y", "https://a.org:8443/y", false),
            ("http://a.org/x", "https://a.org/x", "https://a.org/x", false),
            ("http://127.0.0.1:1/x", "http://localhost:2/y", "http://localhost:2/y", false),
            ("http://a.org/x", "http://10.0.0.7/y", "http://10.0.0.7/y", false),
        ] {
            let Ok(Next::Go { url, same_origin }) = web(from, location) else { panic!("{from} {location}") };
            assert_eq!((url.as_str(), same_origin), (to, same));
        }
    }

    #[test]
    fn other_redirects_of_the_web_are_refused() {
        for location in [
            "http://169.254.169.254/latest",
            "http://0xa9.254.169.254/",
            "http://2852039166/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[fd00:ec2::254]/",
            "http://127.1/",
            "http://localhost/",
            "http://x.localhost./",
            "http://10.0.0.8/",
        ] {
            assert!(matches!(web("http://a.org/x", location), Err(Refused::Private(_))), "{location}");
        }
        assert!(matches!(web("http://127.0.0.1/x", "http://10.0.0.8/"), Err(Refused::Private(_))));
        assert!(matches!(web("https://a.org/x", "http://a.org/x"), Err(Refused::Downgrade(_))));
        for location in ["ftp://b.org/", "file:///etc/passwd", "http://", "s3://b/k"] {
            assert!(matches!(web("http://a.org/x", location), Err(Refused::NoAddress(_))), "{location}");
        }
    }

    #[test]
    fn signed_requests_stay_with_their_service() {
        let s3 = |from, location| next(RemoteKind::S3, from, location, &Method::PUT, 307);
        let amazon = "https://b.s3.amazonaws.com/k";
        for to in [
            "https://b.s3.us-west-2.amazonaws.com/k",
            "https://b.s3-us-west-2.amazonaws.com/k",
            "https://s3.dualstack.eu-west-1.amazonaws.com/b/k",
            "https://b.s3.cn-north-1.amazonaws.com.cn/k",
            "https://s3.us-gov-east-1.amazonaws.com/k",
        ] {
            assert!(matches!(s3(amazon, to), Ok(Next::Go { same_origin: false, .. })), "{to}");
            assert!(matches!(s3("https://minio.org/b/k", to), Err(Refused::OtherHost(_))), "{to}");
        }
        for to in [
            "https://evil.org/k",
            "https://s3.amazonaws.com.evil.org/k",
            "https://evils3.amazonaws.com/k",
            "https://ec2-1-2-3-4.compute-1.amazonaws.com/k",
            "https://s3.ec2.eu-west-1.amazonaws.com/k",
            "https://b.s3-website.eu-west-1.amazonaws.com/k",
            "https://b.s3.us-west-2.amazonaws.com:8443/k",
            "https://169.254.169.254/k",
        ] {
            assert!(matches!(s3(amazon, to), Err(Refused::OtherHost(_))), "{to}");
        }
        assert!(matches!(s3(amazon, "http://b.s3.us-west-2.amazonaws.com/k"), Err(Refused::Downgrade(_))));
        for kind in [RemoteKind::Gcs, RemoteKind::Azure] {
            assert!(matches!(next(kind, amazon, "https://b.org/", &Method::GET, 302), Err(Refused::OtherHost(_))));
            assert!(matches!(next(kind, amazon, "/x", &Method::GET, 302), Ok(Next::Go { same_origin: true, .. })));
        }
        assert_eq!(
            region_of(&Url::parse("https://b.s3-us-west-2.amazonaws.com/").unwrap()),
            Some("us-west-2".to_owned())
        );
        assert_eq!(region_of(&Url::parse(amazon).unwrap()), None);
    }

    #[test]
    fn only_what_may_be_repeated_is() {
        for (method, status, goes) in [
            (Method::PUT, 302, false),
            (Method::PUT, 307, true),
            (Method::GET, 303, true),
            (Method::GET, 304, false),
            (Method::HEAD, 301, true),
        ] {
            let found = next(RemoteKind::S3, "http://h/x", "/y", &method, status);
            assert_eq!(matches!(found, Ok(Next::Go { .. })), goes, "{method} {status}");
        }
    }

    #[test]
    fn what_says_who_asks_stays_behind() {
        let names = [
            "range",
            "if-match",
            "authorization",
            "x-amz-security-token",
            "x-api-key",
            "cookie",
            "user-agent",
            "referer",
        ];
        let value = HeaderValue::from_static("v");
        let headers = names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect();
        let kept = neutral(&headers);
        let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["if-match", "range", "user-agent"]);
        assert_eq!(kept[USER_AGENT], AGENT);
    }
}
