//! The command line: what was typed, and what it does to the list.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::path::Path;

use crate::list::Item;
use crate::store;

/// What `todo help` prints.
pub const USAGE: &str = "\
usage:
  todo add TITLE…      add an item
  todo done NUMBER     mark an item as done
  todo remove NUMBER   take an item out
  todo list            show all items
";

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Add { title: String },
    Done(usize),
    Remove(usize),
    List,
    Help,
}

/// Why the arguments were not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; try `todo help`", self.0)
    }
}

impl Error for UsageError {}

/// Understands the arguments that follow the program's name.
pub fn parse(args: &[String]) -> Result<Command, UsageError> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] | ["list"] => Ok(Command::List),
        ["help" | "--help" | "-h"] => Ok(Command::Help),
        ["add", words @ ..] => parse_add(words),
        ["done", number] => parse_number(number).map(Command::Done),
        ["remove", number] => parse_number(number).map(Command::Remove),
        [first, ..] => Err(UsageError(format!("cannot understand {first:?}"))),
    }
}

fn parse_add(words: &[&str]) -> Result<Command, UsageError> {
    let title = words.join(" ");
    if title.trim().is_empty() {
        return Err(UsageError("an item needs a title".to_owned()));
    }
    Ok(Command::Add { title })
}

fn parse_number(text: &str) -> Result<usize, UsageError> {
    text.parse()
        .map_err(|_| UsageError(format!("{text:?} is not the number of an item")))
}

/// Carries out a command on the list in `file`.
pub fn run(command: Command, file: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut list = store::load(file)?;
    match command {
        Command::Add { title } => {
            let item = Item::new(&title);
            let title = item.title.clone();
            let number = list.add(item);
            writeln!(out, "added {number}: {title}")?;
        }
        Command::Done(number) => {
            let item = list.complete(number)?;
            writeln!(out, "done {number}: {}", item.title)?;
        }
        Command::Remove(number) => {
            let item = list.remove(number)?;
            writeln!(out, "removed {number}: {}", item.title)?;
        }
        Command::List => return Ok(write!(out, "{list}")?),
        Command::Help => return Ok(write!(out, "{USAGE}")?),
    }
    Ok(store::save(file, &list)?)
}
