//! The archive: a zip file with a manifest that names every other member, its size and its hash.

mod name;
mod read;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, RunId};

pub(super) use name::is_allowed;
pub(super) use read::Archive;
pub(super) use write::{Packing, Writer};

/// The manifest's own name. It is the last member.
const MANIFEST: &str = "manifest.json";

/// What every manifest says it is.
const FORMAT: &str = "rgpt-archive";

/// The version of what stands in this module.
const VERSION: u32 = 1;

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `rgpt-archive`.
    pub format: String,
    /// The version of the archive's form.
    pub version: u32,
    /// The version of the rgpt that wrote it.
    pub rgpt: String,
    /// When.
    pub created_at: Timestamp,
    /// The version of the database's schema.
    pub schema: i64,
    /// Whether it holds a whole record; one of pruned runs holds only those.
    pub whole: bool,
    /// The runs in it.
    pub runs: Vec<RunId>,
    /// The number of their events.
    pub events: u64,
    /// All members but the manifest.
    pub members: Vec<Member>,
}

/// One file in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path in the state directory, with `/`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its content.
    pub hash: Digest,
}

impl Manifest {
    /// The bytes of all members together.
    pub fn size(&self) -> u64 {
        let sizes = self.members.iter().map(|member| member.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// How many members lie in this folder of the state directory, and their bytes.
    pub fn part(&self, folder: &str) -> (usize, u64) {
        let inside = |member: &&Member| {
            let rest = member.path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let members = self.members.iter().filter(inside);
        members.fold((0, 0), |(count, bytes), member| {
            (count + 1, member.size.saturating_add(bytes))
        })
    }
}
