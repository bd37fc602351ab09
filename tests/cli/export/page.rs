//! Reading an HTML page or Markdown as something that would obey it.

/// The elements and attributes that rgpt itself uses. Everything else came from somewhere else.
const ELEMENTS: [&str; 45] = [
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section",
    "div", "span", "p", "a", "h1", "h2", "h3", "dl", "dt", "dd", "ul", "ol", "li", "table",
    "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary", "pre", "code", "strong",
    "small", "time", "i", "b", "em", "abbr", "bdi", "hr", "br",
];
const ATTRIBUTES: [&str; 17] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "href",
    "style",
    "title",
    "role",
    "aria-label",
    "aria-labelledby",
    "aria-hidden",
    "scope",
    "colspan",
    "tabindex",
];

/// Asserts that a page is made of what it should be made of, and well nested.
pub(super) fn assert_safe(page: &str) {
    let rest = page.strip_prefix("<!doctype html>").unwrap();
    let (head, rest) = rest.split_once("<style>").unwrap();
    let (style, body) = rest.split_once("</style>").unwrap();
    let mut open: Vec<String> = Vec::new();
    for part in [head, body] {
        let mut rest = part;
        while let Some(at) = rest.find('<') {
            let tag = Tag::read(&rest[at..]);
            assert!(
                ELEMENTS.contains(&tag.name.as_str()),
                "{:?}",
                &rest[at..][..40]
            );
            for (name, value) in &tag.attributes {
                assert!(
                    ATTRIBUTES.contains(&name.as_str()) || name == "open",
                    "{name}={value:?}"
                );
                assert!(
                    name != "href" || value.starts_with('#'),
                    "a link to {value}"
                );
                let plain = |c: char| c.is_ascii_alphanumeric() || " ;:.%-".contains(c);
                assert!(name != "style" || value.chars().all(plain), "{value}");
            }
            if tag.closes {
                assert_eq!(open.pop().as_deref(), Some(tag.name.as_str()));
            } else if !["meta", "br", "hr"].contains(&tag.name.as_str()) {
                open.push(tag.name.clone());
            }
            rest = &rest[at + tag.length..];
        }
    }
    assert_eq!(open, [""; 0], "everything is closed");
    for loads in ["@import", "url(", "expression("] {
        assert!(!style.contains(loads), "{loads}");
    }
}

struct Tag {
    name: String,
    closes: bool,
    attributes: Vec<(String, String)>,
    length: usize,
}

impl Tag {
    /// Reads the tag at the start of a text, as strictly as rgpt writes it.
    fn read(text: &str) -> Self {
        let mut length = 1;
        let mut take = |wanted: &dyn Fn(char) -> bool| {
            let taken: String = text[length..].chars().take_while(|c| wanted(*c)).collect();
            length += taken.len();
            taken
        };
        let closes = !take(&|c| c == '/').is_empty();
        let name = take(&|c: char| c.is_ascii_alphanumeric());
        let mut attributes = Vec::new();
        while !take(&|c| c == ' ').is_empty() {
            let key = take(&|c: char| c.is_ascii_alphanumeric() || c == '-');
            if take(&|c| c == '=').is_empty() {
                attributes.push((key, String::new()));
                continue;
            }
            assert_eq!(take(&|c| c == '"').len(), 1, "{}", &text[..60]);
            let value = take(&|c| c != '"');
            assert_eq!(take(&|c| c == '"').len(), 1);
            attributes.push((key, value));
        }
        assert!(text[length..].starts_with('>'), "{:?}", text.get(..60));
        Self {
            name,
            closes,
            attributes,
            length: length + 1,
        }
    }
}

/// Asserts that Markdown holds no heading, tag, image or link but rgpt's own, outside of blocks and
/// spans of code.
pub(super) fn assert_markdown_is_plain(text: &str) {
    const HEADINGS: [&str; 14] = [
        "What was asked",
        "Plan",
        "What was done",
        "Checks",
        "Repairs",
        "Findings",
        "Asked of the run",
        "Phases and cost",
        "Files",
        "What the failed checks said",
        "Change",
        "Executions",
        "Timeline",
        "test",
    ];
    let mut fence: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(open) = &fence {
            if line == open {
                fence = None;
            }
            continue;
        }
        if line.starts_with("```") {
            let quotes: String = line.chars().take_while(|c| *c == '`').collect();
            fence = Some(quotes);
            continue;
        }
        if let Some(heading) = line.strip_prefix("##") {
            let heading = heading.trim_start_matches('#').trim();
            let name = heading.split(" (").next().unwrap();
            assert!(HEADINGS.contains(&name), "{line}");
        } else {
            assert!(!line.starts_with("# ") || number == 0, "{line}");
        }
        let plain = outside_code(line);
        assert!(!plain.contains('<'), "{line}");
        assert!(!plain.contains("](") && !plain.contains("!["), "{line}");
    }
    assert_eq!(fence, None, "every block is closed");
}

/// A line without code spans and escaped characters.
fn outside_code(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '\\']) {
        plain.push_str(&rest[..at]);
        if rest[at..].starts_with('\\') {
            rest = rest[at + 1..].strip_prefix(|_| true).unwrap_or_default();
            continue;
        }
        let run = rest[at..].chars().take_while(|c| *c == '`').count();
        let (fence, body) = rest[at..].split_at(run);
        rest = body.split_once(fence).map_or("", |(_, after)| after);
    }
    plain + rest
}
