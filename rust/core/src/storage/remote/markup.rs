//! What a server's page of XML or HTML says, in words.

/// The longest piece of a server's text that a message quotes.
const LONGEST: usize = 300;

/// The elements of an answer that say something, in the order in which they are told.
const TELLING: &[&str] = &["code", "message", "title", "h1"];

/// A text with what is marked up in it replaced by the code and the message in there.
///
/// All from the first tag to the last one is taken as the page: pages come whole, and often twice.
#[must_use]
pub fn without_markup(text: &str) -> String {
    let Some(start) = first_tag(text) else { return text.to_owned() };
    let (before, page) = text.split_at(start);
    let end = page.rfind('>').map_or(page.len(), |last| last + 1);
    let (page, after) = page.split_at(end);
    let lower = page.to_ascii_lowercase();
    let mut said: Vec<String> = Vec::new();
    for name in TELLING {
        if let Some(found) = element(page, &lower, name).filter(|found| !found.is_empty() && !said.contains(found)) {
            said.push(found);
        }
    }
    let said = if said.is_empty() { "(a page that says no more)".to_owned() } else { said.join(": ") };
    format!("{before}{said}{after}")
}

/// Where a tag begins; a `<` in front of anything else is none.
fn first_tag(text: &str) -> Option<usize> {
    let opens = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?' | '/'));
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        let rest = text.get(at + 1..).unwrap_or_default();
        opens(rest) && rest.contains('>')
    })
}

/// What stands between the first pair of tags of this name, without tags, on one line.
fn element(page: &str, lower: &str, name: &str) -> Option<String> {
    let open = [format!("<{name}>"), format!("<{name} ")];
    let start = open.iter().filter_map(|tag| lower.find(tag.as_str())).min()?;
    let inside = start + lower.get(start..)?.find('>')? + 1;
    let length = lower.get(inside..)?.find(&format!("</{name}>"))?;
    // Lower case of ASCII has the same length.
    let raw = page.get(inside..inside + length)?;
    let mut words = String::new();
    let mut in_tag = false;
    for c in raw.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if !in_tag => words.push(c),
            _ => {}
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(words, |words, (from, to)| words.replace(from, to));
    Some(words.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_their_code_and_message() {
        for (given, told) in [
            ("status code: 404: nothing here", "status code: 404: nothing here"),
            ("a < b and c > d", "a < b and c > d"),
            (
                "403: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access\n Denied</Message><Key>k</Key></Error>",
                "403: AccessDenied: Access Denied",
            ),
            ("403: <Error><Code>A</Code></Error>, after 9 retries: <Error><Code>A</Code></Error> end", "403: A end"),
            (
                "502: <!DOCTYPE html><html><head><title>502 Bad</title></head><body><h1>Oh <b>no</b></h1></body></html>\n",
                "502: 502 Bad: Oh no\n",
            ),
            ("500: <html><body></body></html>", "500: (a page that says no more)"),
            ("<Error><Message>a &amp; b</Message></Error>", "a & b"),
        ] {
            assert_eq!(without_markup(given), told);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let page = format!("<Message>{}</Message>", "é".repeat(1000));
        assert_eq!(without_markup(&page).chars().count(), LONGEST);
    }
}
