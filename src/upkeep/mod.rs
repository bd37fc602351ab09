//! Looking after the record as a whole: archives of it, putting one back, forgetting old runs.
//!
//! An archive is one zip file that holds all that a state directory needs to live elsewhere; see
//! [`Manifest`]. [`backup`] writes one, [`restore`] puts one in the place of a state directory as
//! a whole or not at all, [`prune`](mod@prune) writes one of the runs that it takes off the record.

mod archive;
mod backup;
mod error;
mod files;
mod logs;
pub mod prune;
mod restore;
mod retention;

pub use archive::{Manifest, Member};
pub use backup::{Backup, ConfigCopy, backup};
pub use error::UpkeepError;
pub use restore::{Restored, restore};
pub use retention::{Kept, Plan, Retention, RetentionError};
