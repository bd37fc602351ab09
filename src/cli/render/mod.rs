//! How things look in a terminal: documents in, text out.
//!
//! Everything here is a pure function of a document and a [`Look`], but for [`progress`], which
//! follows a run. The text holds colours; [`Ui`](super::ui::Ui) takes them out where they are not
//! wanted. Whatever comes from a model, a repository or a command goes through [`clean`] first:
//! [`document::Doc`] does so for everything that is read from a document.

pub(crate) mod application;
pub(crate) mod artifacts;
mod checks;
pub(crate) mod classify;
pub(crate) mod comparison;
pub(crate) mod config;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod failures;
#[cfg(test)]
pub(crate) mod fixture;
mod heals;
pub(crate) mod init;
pub(crate) mod inspect;
mod layout;
pub(crate) mod list;
pub(crate) mod logs;
mod look;
pub(crate) mod models;
pub(crate) mod outcome;
mod phases;
pub(crate) mod probes;
pub(crate) mod progress;
pub(crate) mod repairs;
mod replay;
pub(crate) mod summary;
mod table;
pub(crate) mod test;
mod timeline;
pub(crate) mod upkeep;
pub(crate) mod why;

use crate::domain::units;
use crate::store::inspect as document;

pub(crate) use crate::domain::clean;
pub(crate) use look::{Look, style};
