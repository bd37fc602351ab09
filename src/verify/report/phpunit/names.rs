//! Names of PHPUnit's tests in what it prints instead of its lists: service messages for TeamCity, and `--testdox`.

use super::super::found::{Lines, failed, message_of};
use super::super::{MAX_NAMED, Report};

/// Names what the messages of `--teamcity` say has failed. Risky tests are told as failures, too, if a place does not
/// stand by itself; there are more than `most` then.
pub(super) fn service_messages(lines: &Lines<'_>, most: usize, report: &mut Report) {
    let mut open: Option<String> = None;
    let mut found = Vec::new();
    for line in lines {
        let Some(message) = line.trim_end().strip_prefix("##teamcity[") else {
            continue;
        };
        if message.starts_with("testStarted ") {
            open = attribute(message, "locationHint").and_then(|hint| {
                let (_, name) = hint.split_once("://")?;
                let (_, name) = name.split_once("::")?;
                Some(name.trim_start_matches('\\').to_owned())
            });
        } else if message.starts_with("testFailed ")
            && let Some(name) = open.take()
            && found.len() < MAX_NAMED
        {
            let why = attribute(message, "message");
            let details = attribute(message, "details").unwrap_or_default();
            let place = details.lines().find_map(|line| super::place(line.trim()));
            found.push(failed(&name, why, place));
        }
    }
    if found.len() > most {
        found.retain(|test| test.location.is_some());
    }
    found.truncate(most);
    report.tests.extend(found);
}

/// An attribute's value, `|` being its escape.
fn attribute(message: &str, name: &str) -> Option<String> {
    let at = message.find(&format!(" {name}='"))? + name.len() + 3;
    let mut value = String::new();
    let mut chars = message[at..].chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' => return Some(value),
            '|' => match chars.next()? {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// Names what `--testdox` shows with a cross. It shows sentences: the class is that of the file that the failure names,
/// the method the one that such a sentence is made of when it is written in one word.
pub(super) fn sentences(lines: &Lines<'_>, most: usize, report: &mut Report) {
    let mut class = "";
    for (at, line) in lines.iter().enumerate() {
        let is_head = at > 0
            && lines[at - 1].trim().is_empty()
            && lines.get(at + 1).is_some_and(|next| signed(next).is_some());
        if is_head && !line.starts_with(' ') {
            class = line.trim_end();
        }
        let Some(('✘', title)) = signed(line) else {
            continue;
        };
        let body = &lines[at + 1..];
        let end = body.iter().position(|line| !line.starts_with("   "));
        let body: Vec<_> = body[..end.unwrap_or(body.len())]
            .iter()
            .map(|line| {
                line.trim_start()
                    .trim_start_matches(['│', '┐', '├', '┊', '┴', '╵', '|'])
                    .trim()
                    .into()
            })
            .collect();
        let place = body
            .iter()
            .find_map(|line: &std::borrow::Cow<'_, str>| super::place(line));
        let name = format!("{}::{}", class_of(class, place.as_deref()), method(title));
        let until = body
            .iter()
            .position(|line| super::place(line).is_some())
            .unwrap_or(body.len());
        let message = message_of(report.tests.len(), &body[..until]);
        if report.tests.len() < most.min(MAX_NAMED) {
            report.name(failed(&name, message, place));
        }
    }
}

/// The sign and the title in ` ✘ Discount`.
fn signed(line: &str) -> Option<(char, &str)> {
    let rest = line.strip_prefix(' ')?;
    let sign = rest.chars().next()?;
    let title = rest[sign.len_utf8()..].strip_prefix(' ')?;
    matches!(sign, '✔' | '✘' | '↩' | '∅' | '☢' | '⚠').then(|| (sign, title.trim_end()))
}

/// `App\Tests\CartTest` of `Cart (App\Tests\Cart)` and a place in `CartTest.php`.
fn class_of(head: &str, place: Option<&str>) -> String {
    let (own, full) = match head
        .strip_suffix(')')
        .and_then(|head| head.split_once(" ("))
    {
        Some((own, full)) => (own, full),
        None => (head, head),
    };
    let namespace = full
        .rsplit_once('\\')
        .map_or("", |(namespace, _)| namespace);
    let stem = place
        .and_then(|place| place.rsplit_once(".php:"))
        .map(|(path, _)| path.rsplit('/').next().unwrap_or(path))
        .filter(|stem| stem.starts_with(&own.replace(' ', "")));
    let class = stem.map_or_else(|| format!("{}Test", own.replace(' ', "")), str::to_owned);
    match namespace {
        "" => class,
        namespace => format!("{namespace}\\{class}"),
    }
}

/// `testSnakeCase with data set "a"` of `Snake case with data set "a"`.
fn method(title: &str) -> String {
    const DATA: &str = " with data set ";
    let (sentence, data) = match title.find(DATA) {
        Some(at) => title.split_at(at),
        None => (title, ""),
    };
    let mut name = "test".to_owned();
    for word in sentence.split(' ') {
        let mut chars = word.chars();
        name.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(chars.as_str());
    }
    name.push_str(data);
    name
}
