//! What may be shown of an address, and of texts with addresses in them.
//!
//! This is the one rule of the whole package, in Rust and in Python.  Rather too much is hidden than too little: a text is
//! for people, who still recognise the place.

/// Parameters of requests that say what is asked, and nothing about who may ask.
const HARMLESS: &[&str] = &[
    "account_id",
    "comp",
    "continuation-token",
    "delimiter",
    "list-type",
    "marker",
    "max-keys",
    "partNumber",
    "prefix",
    "region",
    "restype",
    "start-after",
    "uploadId",
    "uploads",
];

/// How names of secrets end, without what separates their words.
const SECRETS: &[&str] = &[
    "accesskey",
    "accesskeyid",
    "accountkey",
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "sas",
    "secret",
    "secretkey",
    "serviceaccountkey",
    "sessionid",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];

/// Segments of a path whose next one is a secret.
const BEFORE_SECRETS: &[&str] =
    &["access_token", "api_key", "apikey", "jwt", "password", "sas", "sig", "signature", "token"];

const HIDDEN: &str = "****";

/// So often a text may have been percent-encoded.
const ENCODINGS: usize = 3;

/// Whether what has this name may not be shown.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let squashed: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|end| squashed.ends_with(end))
}

/// A text without the passwords and signatures of the addresses in it, and without what is called a secret.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    if !text.contains(['/', '@', '=', '%']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, following) = rest.split_at(end_of_word(rest));
        out.push_str(&address_without_secrets(word));
        let next = following.find(|c| !is_end(c)).unwrap_or(following.len());
        let (between, after) = following.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

/// Where a word ends that may be an address.  Apostrophes may be part of one, unless it is between two of them.
fn end_of_word(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let closes = at == 0 || next.is_none_or(|next| is_end(next) || ",;:.)]}".contains(next));
        if is_end(c) && (c != '\'' || closes) {
            return at;
        }
    }
    text.len()
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || "\"'`<>".contains(c)
}

/// A key, or the path and query of an address, as it may be shown.
#[must_use]
pub fn key_without_secrets(key: &str) -> String {
    const BEFORE: &str = "//-/";
    let shown = address_without_secrets(&format!("{BEFORE}{key}"));
    shown.strip_prefix(BEFORE).unwrap_or(HIDDEN).to_owned()
}

/// The same of a text that is an address as a whole, whatever is in it.
#[must_use]
pub fn address_without_secrets(address: &str) -> String {
    let mut shown = hidden(address);
    let mut probe = shown.clone();
    for _ in 0..ENCODINGS {
        let decoded = decoded(&probe);
        if decoded == probe {
            break;
        }
        probe = hidden(&decoded);
        if probe != decoded {
            shown = probe.replace(char::is_control, "\u{fffd}");
        }
    }
    shown
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match two_digits(&bytes).filter(|_| byte == b'%') {
            Some(value) => {
                out.push(value);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte that the next two characters are, if they are hexadecimal digits.
fn two_digits(bytes: &std::str::Bytes<'_>) -> Option<u8> {
    let mut ahead = bytes.clone();
    let mut digit = || char::from(ahead.next()?).to_digit(16);
    let (high, low) = (digit()?, digit()?);
    u8::try_from(high * 16 + low).ok()
}

fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    match split_scheme(text) {
        Some((before, after)) => {
            out.push_str(before);
            let after = push_authority(&mut out, after);
            push_rest(&mut out, after, true);
        }
        None => {
            let after = match text.split_once('@') {
                // as in user:password@host
                Some((user, host)) if user.contains(':') && !user.contains('/') => {
                    out.push_str(HIDDEN);
                    out.push('@');
                    host
                }
                _ => text,
            };
            push_rest(&mut out, after, false);
        }
    }
    out
}

/// What an address begins with, slashes included: `scheme://`, also with too few slashes or the wrong ones, or `//`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let after_scheme = text.find("://").map(|at| at + 1).or_else(|| {
        let scheme = text.find(":/").or_else(|| text.find(":\\"))?;
        let name = text.get(..scheme)?.to_ascii_lowercase();
        (name.ends_with("http") || name.ends_with("https")).then_some(scheme + 1)
    });
    let start = after_scheme.or_else(|| text.starts_with("//").then_some(0))?;
    let slashes = text.get(start..)?.find(|c| c != '/' && c != '\\').unwrap_or(text.len() - start);
    // `file:///path` has no authority
    let is_file = text.get(..start)?.to_ascii_lowercase().ends_with("file:");
    let slashes = if is_file { slashes.min(2) } else { slashes };
    text.split_at_checked(start + slashes)
}

/// Add host and port; what is before them is hidden.
fn push_authority<'a>(out: &mut String, after: &'a str) -> &'a str {
    let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
    let authority = after.get(..end).unwrap_or_default();
    // A password with a slash in it looks like a port that is none.
    let odd = !authority.contains('[')
        && authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
    let at = if odd { after.rfind('@') } else { authority.rfind('@') };
    match at.and_then(|at| after.get(at + 1..)) {
        Some(host) => {
            out.push_str(HIDDEN);
            out.push('@');
            let end = host.find(['/', '?', '#', '\\']).unwrap_or(host.len());
            let (host, after) = host.split_at(end);
            out.push_str(host);
            after
        }
        None => {
            out.push_str(authority);
            after.get(end..).unwrap_or_default()
        }
    }
}

/// Add path, query and fragment; of a text that is no address, only what is like those of one is hidden.
fn push_rest(out: &mut String, rest: &str, is_address: bool) {
    let looks_like = |text: &str| is_address || text.contains('=');
    let (rest, fragment) = match rest.split_once('#') {
        Some((before, fragment)) if looks_like(fragment) => (before, Some(fragment)),
        _ => (rest, None),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) if looks_like(query) => (path, Some(query)),
        _ => (rest, None),
    };
    push_path(out, path, is_address);
    if let Some(query) = query {
        out.push('?');
        for (number, pair) in query.split(['&', ';']).enumerate() {
            if number > 0 {
                out.push('&');
            }
            match pair.split_once('=') {
                Some((name, _)) if HARMLESS.contains(&name) => out.push_str(pair),
                Some((name, value)) => push_pair(out, name, value),
                None if pair.is_empty() || HARMLESS.contains(&pair) => out.push_str(pair),
                None => out.push_str(HIDDEN),
            }
        }
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(if fragment.is_empty() { "" } else { HIDDEN });
    }
}

fn push_path(out: &mut String, path: &str, is_address: bool) {
    // an address within an address
    if let Some((before, after)) = path.split_once("://").filter(|_| is_address) {
        push_path(out, before, is_address);
        out.push_str(&hidden(&format!("://{after}")));
        return;
    }
    let mut is_next = false;
    for (number, segment) in path.split('/').enumerate() {
        if number > 0 {
            out.push('/');
        }
        if is_next && !segment.is_empty() {
            out.push_str(HIDDEN);
            is_next = false;
            continue;
        }
        for (number, part) in segment.split(';').enumerate() {
            if number > 0 {
                out.push(';');
            }
            let separate = |c: char| c == '&' || c == ',';
            for (number, part) in part.split_inclusive(separate).enumerate() {
                let (pair, end) = match part.strip_suffix(separate) {
                    Some(pair) => (pair, part.get(pair.len()..).unwrap_or_default()),
                    None => (part, ""),
                };
                match pair.split_once('=') {
                    Some((name, value)) if is_secret(name) => push_pair(out, name, value),
                    Some((name, value))
                        if is_address && segment.contains(';') && number == 0 && !segment.starts_with(pair) =>
                    {
                        push_pair(out, name, value);
                    }
                    _ => out.push_str(pair),
                }
                out.push_str(end);
            }
        }
        is_next = is_address && BEFORE_SECRETS.contains(&segment.to_ascii_lowercase().as_str());
    }
}

fn push_pair(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push('=');
    out.push_str(if value.is_empty() { "" } else { HIDDEN });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        for (text, expected) in [
            ("no address: a@b?c=d", "no address: a@b?c=****"),
            ("GET http://u:p@h:1/a?x=1&prefix=b in 3 ms", "GET http://****@h:1/a?x=****&prefix=b in 3 ms"),
            ("(\"https://token@h\") s3://b/k?region=r", "(\"https://****@h\") s3://b/k?region=r"),
            ("http://h/a@b#c http://h?flag", "http://h/a@b#**** http://h?****"),
            ("://", "://"),
            ("file:///a@b/c d", "file:///a@b/c d"),
            ("key=a/c/0 with id=X?", "key=a/c/0 with id=X?"),
            ("s3://b/year=2020/x;v=1/y", "s3://b/year=2020/x;v=****/y"),
            ("https://h/sig=S/x https://h/token/S/x", "https://h/sig=****/x https://h/token/****/x"),
            ("https://h/x;jsessionid=S?a", "https://h/x;jsessionid=****?****"),
            ("x?sig=S cannot", "x?sig=**** cannot"),
            ("u:p@h:80", "****@h:80"),
            ("https://u:p/q?r@h/x", "https://****@h/x"),
            ("https:/u:p@h/x //u:p@h/x http:\\\\u:p@h\\x", "https:/****@h/x //****@h/x http:\\\\****@h\\x"),
            ("https%3A%2F%2Fu%3Ap%40h%2Fx", "https://****@h/x"),
            ("s3://b/x%3Fsig%3DS", "s3://b/x?sig=****"),
            ("s3://b/x%253Fsig%253DS", "s3://b/x?sig=****"),
            ("s3://b/a%20b%2Fc", "s3://b/a%20b%2Fc"),
            ("http://h/proxy/http://u:p@i/x?y=z", "http://h/proxy/http://****@i/x?y=****"),
            ("http://[::1]:80/a http://h:80/a@b", "http://[::1]:80/a http://h:80/a@b"),
            ("sv=1&sig=S&se=2", "sv=1&sig=****&se=2"),
            ("X-Amz-Signature=S, Authorization=S", "X-Amz-Signature=****, Authorization=****"),
        ] {
            assert_eq!(without_secrets(text), expected);
            assert_eq!(without_secrets(expected), expected, "twice is once");
        }
    }

    #[test]
    fn an_address_is_one_whatever_is_in_it() {
        assert_eq!(without_secrets("'http://u:p'q@h/x', 'y'"), "'http://****@h/x', 'y'");
        assert_eq!(key_without_secrets("token/S/x?S"), "token/****/x?****");
        assert_eq!(key_without_secrets("chunks/X"), "chunks/X");
        assert_eq!(address_without_secrets("https://u:p q\"r@h/x y?z= S"), "https://****@h/x y?z=****");
    }

    #[test]
    fn names_of_secrets_are_known() {
        for name in
            ["X-Api-Key", "aws_secret_access_key", "google_service_account_key", "Authorization", "sas_token", "sig"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["key", "region", "x-goog-user-project", "accept", "account"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
