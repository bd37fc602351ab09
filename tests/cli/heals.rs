//! Real planted bugs in small projects, healed from end to end: one for each class of failure, one
//! for each repair, and repairs that make things worse.

mod project;
mod remedies;
mod types;
mod worse;
