//! Checks and what they say: which commands a repository has, what their output means, and whether the tree stands.
//!
//! Everything here but reading kept outputs back is pure: others run the commands and hand in what they printed. The order of a check's life:
//! [`detect`](detect()) or the configuration names it, [`command_line`] says how it is run, [`judge`](judge()) turns
//! its run into a [`CheckResult`](crate::domain::check::CheckResult), [`excuse`] holds that against the base tree,
//! [`assess`](assess()) sums up all checks, [`numbering`](numbering()) makes findings of what they say.

mod assess;
mod baseline;
mod detect;
mod diagnostics;
mod facts;
mod judge;
mod numbering;
pub mod report;
mod runner;
mod tester;

pub use assess::{Assessment, Severities, assess};
pub use baseline::excuse;
pub use detect::{Detected, detect};
pub use facts::{RunFacts, both};
pub use judge::judge;
pub use numbering::{Numbered, numbering};
pub use runner::command_line;
pub use tester::{test_output, tester_output};
