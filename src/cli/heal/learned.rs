//! What has been learned of repairs: shown, and forgotten.

use serde::Serialize;
use serde_json::json;

use crate::domain::ErrorType;
use crate::domain::id::Digest;
use crate::domain::remedy::HealAction;
use crate::heal::knowledge::{self, Knowledge, LOOK_BACK};
use crate::store::Store;

use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::ui::Ui;
use crate::cli::{Global, Outcome, exit, open};

/// Forgets everything instead of one failure.
const ALL: &str = "all";

/// The fewest digits of a signature that name it.
const FEWEST: usize = 4;

/// A repair for a class of failures, in the document of `heal --list`, which is
/// `{"repairs": […], "playbook": […]}`.
#[derive(Debug, Serialize)]
struct RepairObject {
    /// The class.
    error_type: ErrorType,
    /// The repair.
    action: HealAction,
    /// How likely it is held to help, 0 to 1.
    success: f64,
    /// How likely it was assumed to help before anything was seen, 0 to 1.
    assumed: f64,
    /// How often it helped failures that seemed to be of the class.
    hits: u32,
    /// How often it was tried for them.
    tries: u32,
    /// How much was seen: outcomes, faded and shared among the classes that may be responsible.
    seen: f64,
    /// What it costs, in units of a healed failure.
    cost: f64,
}

/// What came of a repair for one failure, in the document of `heal --list`.
#[derive(Debug, Serialize)]
struct PlayObject<'a> {
    /// The failure's signature.
    signature: &'a Digest,
    /// The repair.
    action: HealAction,
    /// How often it helped.
    hits: u32,
    /// How often it did not.
    misses: u32,
    /// The lower bound of the share of successes, 0 to 1.
    lower_bound: f64,
    /// Whether it is tried before all others.
    first: bool,
    /// The failure in one line.
    cause: &'a str,
}

/// Shows what is believed of repairs. Outside of a repository nothing has been learned.
pub(super) fn list(global: &Global, ui: &Ui) -> Outcome {
    let store = match open::state_root(global) {
        Ok(_) => open::record(global)?,
        Err(_) => None,
    };
    let outcomes = match &store {
        Some(store) => store.outcomes(LOOK_BACK)?,
        None => Vec::new(),
    };
    let knowledge = Knowledge::of(&outcomes);
    let document = json!({"repairs": repairs(&knowledge), "playbook": playbook(&knowledge)});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::repairs::repairs(&document, ui.look()));
    }
    Ok(exit::REACHED)
}

fn repairs(knowledge: &Knowledge) -> Vec<RepairObject> {
    let object = |belief: knowledge::Belief| RepairObject {
        error_type: belief.class,
        action: belief.action,
        success: rounded(belief.chance),
        assumed: rounded(belief.assumed),
        hits: belief.tally.hits,
        tries: belief.tally.tries,
        seen: rounded(belief.seen),
        cost: knowledge::cost(belief.action),
    };
    knowledge.beliefs().into_iter().map(object).collect()
}

/// The playbook, what is used first before the rest, then by how often it helped.
fn playbook(knowledge: &Knowledge) -> Vec<PlayObject<'_>> {
    let plays = knowledge.playbook().all();
    let mut plays: Vec<PlayObject<'_>> = plays
        .map(|(signature, action, play)| PlayObject {
            signature,
            action,
            hits: play.hits,
            misses: play.misses,
            lower_bound: rounded(play.lower_bound()),
            first: play.is_known_to_help(),
            cause: &play.cause,
        })
        .collect();
    plays.sort_by_key(|play| std::cmp::Reverse((play.first, play.hits)));
    plays
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Forgets what became of the repairs of a failure, by the beginning of its signature, or of all.
pub(super) fn forget(name: &str, global: &Global, ui: &Ui) -> Outcome {
    let Some(store) = open::record(global)? else {
        return Err(unknown(name));
    };
    let signatures = named(&store, name)?;
    let outcomes = store.forget(&signatures)?;
    if ui.is_json() {
        ui.json(&json!({"forgotten": signatures, "outcomes": outcomes}));
    } else {
        ui.line(&render::repairs::forgotten(&signatures, outcomes));
    }
    Ok(exit::REACHED)
}

fn named(store: &Store, name: &str) -> Result<Vec<Digest>, Failure> {
    if name == ALL {
        return Ok(store.signatures("", u32::MAX)?);
    }
    let name = name.to_ascii_lowercase();
    if name.len() < FEWEST || !name.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Failure::usage(
            format!("{name:?} is no signature: at least {FEWEST} hexadecimal digits, or {ALL}"),
            "see which there are: rgpt heal --list",
        ));
    }
    let found = store.signatures(&name, 2)?;
    match found.len() {
        0 => Err(unknown(&name)),
        1 => Ok(found),
        _ => Err(Failure::config(
            format!("more than one failure's signature begins with {name}"),
            "give more of it; see which there are: rgpt heal --list",
        )),
    }
}

fn unknown(name: &str) -> Failure {
    Failure::config(
        format!("nothing is known of repairs of a failure {name}"),
        "see what is known: rgpt heal --list",
    )
}
