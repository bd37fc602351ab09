//! Reads just enough of a Rust file to know which paths it names: no comments, strings or test code.

/// The paths that a file names.
#[derive(Default)]
pub(crate) struct Source {
    /// Every path, groups (`a::{b, c}`) taken apart, in the order of the file.
    pub(crate) names: Vec<Name>,
    /// Modules in files of their own that exist only for tests.
    pub(crate) test_modules: Vec<String>,
}

/// One path, as in `["crate", "store", "Store"]`.
pub(crate) struct Name {
    /// The parts.
    pub(crate) path: Vec<String>,
    /// Its line, from 1.
    pub(crate) line: usize,
    /// The number of `mod name { … }` around it.
    pub(crate) inline_depth: usize,
}

impl Name {
    /// Whether the parts of `what` (as in `std::fs`) stand in the path, one after the other.
    pub(crate) fn mentions(&self, what: &str) -> bool {
        let parts: Vec<&str> = what.split("::").collect();
        self.path.windows(parts.len()).any(|window| window == parts)
    }
}

impl Source {
    /// Reads the text of a file.
    pub(crate) fn read(text: &str) -> Self {
        let mut reader = Reader {
            tokens: tokens(text),
            at: 0,
            braces: Vec::new(),
            source: Self::default(),
        };
        while reader.at < reader.tokens.len() {
            reader.step();
        }
        reader.source
    }
}

/// A word, `::`, or a single sign.
struct Token {
    text: String,
    line: usize,
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest));
        let length = skipped.unwrap_or_else(|| match first {
            _ if is_word(rest) => rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        });
        let (text, behind) = rest.split_at(length);
        if skipped.is_none() && !first.is_whitespace() {
            let text = text.to_owned();
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// The length of the comment at the start, if there is one.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?;
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let next = &text.as_bytes()[at..];
        let nested = next.starts_with(b"/*");
        if nested || next.starts_with(b"*/") {
            depth = if nested { depth + 1 } else { depth - 1 };
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

/// The length of the string or character literal at the start, if there is one.
fn literal(text: &str) -> Option<usize> {
    if let Some(inner) = text.strip_prefix('\'') {
        // Without a closing quote behind one character it is a lifetime.
        let first = inner.chars().next()?;
        let second = 1 + first.len_utf8();
        return match first {
            '\\' => Some(second + 1 + text[second + 1..].find('\'')? + 1),
            _ => text[second..].starts_with('\'').then_some(second + 1),
        };
    }
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    let opening = text[prefix..].trim_start_matches('#');
    let hashes = text.len() - prefix - opening.len();
    let raw = text[..prefix].ends_with('r');
    if prefix > 2 || (hashes > 0 && !raw) {
        return None;
    }
    let body = opening.strip_prefix('"')?;
    let start = text.len() - body.len();
    if raw {
        let closing = format!("\"{}", "#".repeat(hashes));
        return Some(start + body.find(&closing)? + closing.len());
    }
    let mut escaped = false;
    let end = body.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(start + end + 1)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    /// For each open brace, whether it is a module's.
    braces: Vec<bool>,
    source: Source,
}

impl Reader {
    fn text(&self, ahead: usize) -> &str {
        let token = self.tokens.get(self.at + ahead);
        token.map_or("", |token| token.text.as_str())
    }

    fn step(&mut self) {
        match self.text(0) {
            "#" if self.at_test_attribute() => self.skip_item(),
            "{" => {
                let opens_module = self.at >= 2 && self.tokens[self.at - 2].text == "mod";
                self.braces.push(opens_module);
                self.at += 1;
            }
            "}" => {
                self.braces.pop();
                self.at += 1;
            }
            word if is_word(word) => self.path(&[]),
            _ => self.at += 1,
        }
    }

    /// Reads a path, or the rest of one behind `prefix`.
    fn path(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let line = self.tokens[self.at].line;
        loop {
            match self.text(0) {
                "{" => return self.group(&path),
                part if is_word(part) || part == "*" => path.push(part.to_owned()),
                _ => break,
            }
            self.at += 1;
            if self.text(0) != "::" {
                break;
            }
            self.at += 1;
        }
        self.source.names.push(Name {
            path,
            line,
            inline_depth: self.braces.iter().filter(|is_module| **is_module).count(),
        });
    }

    /// Reads `{a, b as c, …}` behind a path.
    fn group(&mut self, prefix: &[String]) {
        self.at += 1;
        while !matches!(self.text(0), "}" | "") {
            match self.text(0) {
                "as" => self.at += 2,
                word if is_word(word) || word == "*" => self.path(prefix),
                _ => self.at += 1,
            }
        }
        self.at += 1;
    }

    /// Whether an attribute stands here that is true only in tests.
    fn at_test_attribute(&self) -> bool {
        let starts = ["#", "[", "cfg", "("];
        if !(0..4).all(|ahead| self.text(ahead) == starts[ahead]) {
            return false;
        }
        let words = (4..).map(|ahead| self.text(ahead));
        let condition: Vec<&str> = words
            .take_while(|text| !matches!(*text, "]" | ""))
            .collect();
        condition.contains(&"test") && !condition.contains(&"not")
    }

    /// Skips the attribute here and the item that it is for.
    fn skip_item(&mut self) {
        self.at += 1;
        self.skip_brackets();
        while self.text(0) == "#" {
            self.at += 1;
            self.skip_brackets();
        }
        let is_use = self.text(0) == "use";
        loop {
            match self.text(0) {
                "" | "}" => return,
                "mod" if self.text(2) == ";" => {
                    let name = self.text(1).to_owned();
                    self.source.test_modules.push(name);
                    self.at += 1;
                }
                ";" => return self.at += 1,
                "{" if !is_use => return self.skip_brackets(),
                "{" | "(" | "[" => self.skip_brackets(),
                _ => self.at += 1,
            }
        }
    }

    /// Skips from an opening bracket to behind its closing one.
    fn skip_brackets(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}
