//! What may be shown of an address.

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

const HIDDEN: &str = "****";

/// A text without the passwords and signatures of the addresses in it.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).unwrap_or(after.len());
        let (address, following) = after.split_at(end);
        push_address(&mut out, address);
        rest = following;
    }
    out.push_str(rest);
    out
}

fn push_address(out: &mut String, address: &str) {
    let (place, query) = address.split_once('?').map_or((address, None), |(place, query)| (place, Some(query)));
    let authority_end = place.find(['/', '#']).unwrap_or(place.len());
    let (authority, path) = place.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((_, host)) => {
            out.push_str(HIDDEN);
            out.push('@');
            out.push_str(host);
        }
        None => out.push_str(authority),
    }
    out.push_str(path);
    for (number, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if number == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if !HARMLESS.contains(&name) => {
                out.push_str(name);
                out.push('=');
                out.push_str(HIDDEN);
            }
            _ => out.push_str(pair),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        for (text, expected) in [
            ("no address: a@b?c=d", "no address: a@b?c=d"),
            ("GET http://u:p@h:1/a?x=1&prefix=b in 3 ms", "GET http://****@h:1/a?x=****&prefix=b in 3 ms"),
            ("(\"https://token@h\") s3://b/k?region=r", "(\"https://****@h\") s3://b/k?region=r"),
            ("http://h/a@b#c http://h?flag", "http://h/a@b#c http://h?flag"),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
