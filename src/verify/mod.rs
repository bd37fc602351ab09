//! Checks and what they say: which commands a repository has, what their output means, and whether the tree stands.
//!
//! Everything here but reading kept outputs back, and looking for test files to deal out to [shards](parts), is pure:
//! others run the commands and hand in what they printed. The order of a check's life:
//! [`detect`](detect()) or the configuration names it, [`command_line`] and [`parts`] say how it is run, [`judge`](judge()) turns
//! its run into a [`CheckResult`](crate::domain::check::CheckResult), [`excuse`] holds that against the base tree,
//! [`suspects`] are held against further runs and [`excuse_flaky`] what these show,
//! [`assess`](assess()) sums up all checks, [`numbering`](numbering()) makes findings of what they say.

mod artifacts;
mod assess;
mod baseline;
#[cfg(test)]
mod classify_corpus;
mod detect;
mod facts;
mod findings;
mod flaky;
mod judge;
mod numbering;
pub mod report;
mod runner;
mod selection;
mod shards;
mod tester;

pub use artifacts::named_files;
pub use assess::{Assessment, Severities, assess};
pub use baseline::excuse;
pub use detect::{Detected, detect};
pub use facts::{RunFacts, both};
pub use flaky::{BASE_RERUNS, RERUNS, Suspect, excuse_flaky, suspects};
pub use judge::judge;
pub use numbering::{Numbered, numbering};
pub use runner::{command_line, read_report};
pub use selection::only;
pub use shards::{Judged, NoWay, Part, Shard, judge_parts, parts, whole};
pub use tester::{ran_nothing, require_tests, test_output, tester_output};
