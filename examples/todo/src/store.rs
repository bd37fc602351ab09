//! The list as a text file: one item a line, `[ ] title` or `[x] title`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::list::{Item, TodoList};

/// Reads the list; a file that does not exist is an empty list.
pub fn load(path: &Path) -> io::Result<TodoList> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(TodoList::default()),
        Err(error) => Err(error),
    }
}

/// Writes the list.
pub fn save(path: &Path, list: &TodoList) -> io::Result<()> {
    fs::write(path, list.items().iter().map(to_line).collect::<String>())
}

fn parse(text: &str) -> io::Result<TodoList> {
    let mut list = TodoList::default();
    for (number, line) in (1..).zip(text.lines()) {
        let item = from_line(line).ok_or_else(|| {
            let message = format!("line {number} is not an item: {line:?}");
            io::Error::new(ErrorKind::InvalidData, message)
        })?;
        list.add(item);
    }
    Ok(list)
}

fn to_line(item: &Item) -> String {
    let mark = if item.done { 'x' } else { ' ' };
    format!("[{mark}] {}\n", item.title)
}

fn from_line(line: &str) -> Option<Item> {
    let (mark, title) = line.strip_prefix('[')?.split_once("] ")?;
    let mut item = Item::new(title);
    item.done = match mark {
        "x" => true,
        " " => false,
        _ => return None,
    };
    Some(item)
}
