//! The list itself; it knows nothing of files and arguments.

use std::error::Error;
use std::fmt;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub title: String,
    pub done: bool,
}

impl Item {
    /// An open item. White space in the title becomes single blanks, so that it fits on one line.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.split_whitespace().collect::<Vec<_>>().join(" "),
            done: false,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.done { 'x' } else { ' ' };
        write!(f, "[{mark}] {}", self.title)
    }
}

/// Items, numbered from 1 in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TodoList {
    items: Vec<Item>,
}

impl TodoList {
    /// Adds an item and returns its number.
    pub fn add(&mut self, item: Item) -> usize {
        self.items.push(item);
        self.items.len()
    }

    /// Marks an item as done.
    pub fn complete(&mut self, number: usize) -> Result<&Item, NoSuchItem> {
        let index = self.index(number)?;
        self.items[index].done = true;
        Ok(&self.items[index])
    }

    /// Takes an item out; those behind it move up by one.
    pub fn remove(&mut self, number: usize) -> Result<Item, NoSuchItem> {
        let index = self.index(number)?;
        Ok(self.items.remove(index))
    }

    /// The items in the order in which they were added.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The items with their numbers, in the order in which they are listed.
    pub fn numbered(&self) -> Vec<(usize, &Item)> {
        (1..).zip(&self.items).collect()
    }

    fn index(&self, number: usize) -> Result<usize, NoSuchItem> {
        match number.checked_sub(1) {
            Some(index) if index < self.items.len() => Ok(index),
            _ => Err(NoSuchItem(number)),
        }
    }
}

impl fmt::Display for TodoList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.numbered() {
            writeln!(f, "{number} {item}")?;
        }
        let done = self.items.iter().filter(|item| item.done).count();
        writeln!(f, "{done} of {} done", self.items.len())
    }
}

/// A number that no item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchItem(pub usize);

impl fmt::Display for NoSuchItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no item {}", self.0)
    }
}

impl Error for NoSuchItem {}
