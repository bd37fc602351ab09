//! How things look in a terminal: documents in, text out.
//!
//! Everything here is a pure function of a document and a [`Look`], but for [`progress`], which
//! follows a run. The text holds colours; [`Ui`](super::ui::Ui) takes them out where they are not
//! wanted. Whatever comes from a model, a repository or a command goes through [`clean`] first:
//! [`document`] does so for everything that is read from a document.

mod checks;
pub(crate) mod clean;
pub(crate) mod config;
pub(crate) mod diff;
pub(crate) mod doctor;
mod document;
#[cfg(test)]
pub(crate) mod fixture;
mod heals;
pub(crate) mod inspect;
mod layout;
pub(crate) mod list;
mod look;
mod outcome;
mod phases;
pub(crate) mod progress;
pub(crate) mod summary;
mod table;
mod timeline;
mod units;

pub(crate) use look::{Look, style};
