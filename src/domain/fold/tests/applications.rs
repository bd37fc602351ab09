use super::*;
use crate::domain::application::{ApplicationStatus, BranchMove, Way};

fn done() -> Vec<Record> {
    (0..)
        .map(log)
        .find(|records| matches!(records.last().map(|r| &r.event), Some(Event::RunDone(_))))
        .expect("some run is done")
}

fn movement(way: Way, branch: &str) -> Box<BranchMove> {
    Box::new(BranchMove {
        branch: branch.into(),
        way,
        from: "c0".into(),
        to: "c1".into(),
        checked_out: false,
        files: Vec::new(),
        makes: Vec::new(),
        drops: Vec::new(),
        checks: Vec::new(),
    })
}

fn there() -> RunUpdated {
    RunUpdated::ApplyStarted(movement(Way::FastForward, "main"))
}

fn back(branch: &str) -> RunUpdated {
    RunUpdated::UndoStarted(movement(Way::Back, branch))
}

fn given_up() -> RunUpdated {
    RunUpdated::MoveGivenUp { reason: "r".into() }
}

/// Where the last application stands after these, and whether a move is open.
fn after(run: &Run, updates: &[RunUpdated]) -> Result<(ApplicationStatus, bool), Illegal> {
    let mut run = run.clone();
    for update in updates {
        let next = record(run.seq + 1, Event::RunUpdated(update.clone()));
        run.apply(&next)?;
    }
    let status = run.applications.last().expect("there is one").status();
    Ok((status, run.open_move().is_some()))
}

#[test]
fn a_result_is_applied_and_taken_back_again_and_again() {
    use ApplicationStatus::{Applied, Applying, GivenUp, Undoing, Undone};
    use RunUpdated as To;
    let run = Run::fold(&done()).expect("legal").expect("begun");
    for (updates, status, open) in [
        (vec![there()], Applying, true),
        (vec![there(), To::Applied], Applied, false),
        (vec![there(), To::Applied, back("main")], Undoing, true),
        (
            vec![there(), To::Applied, back("main"), To::Undone],
            Undone,
            false,
        ),
        (
            vec![there(), To::Applied, back("main"), given_up()],
            Applied,
            false,
        ),
        (vec![there(), given_up()], GivenUp, false),
        (
            vec![there(), given_up(), there(), To::Applied],
            Applied,
            false,
        ),
        (
            vec![there(), To::Applied, back("main"), To::Undone, there()],
            Applying,
            true,
        ),
    ] {
        assert_eq!(after(&run, &updates), Ok((status, open)), "{updates:?}");
    }
}

#[test]
fn no_result_is_applied_early_twice_or_to_two_branches() {
    use RunUpdated as To;
    let records = done();
    let early = Run::fold(&records[..records.len() - 1])
        .expect("legal")
        .expect("begun");
    assert!(after(&early, &[there()]).is_err());
    let run = Run::fold(&records).expect("legal").expect("begun");
    for nonsense in [
        vec![To::ApplyStarted(movement(Way::Back, "main"))],
        vec![To::Applied],
        vec![To::Undone],
        vec![back("main")],
        vec![given_up()],
        vec![there(), there()],
        vec![there(), back("main")],
        vec![there(), To::Applied, there()],
        vec![there(), To::Applied, back("other")],
        vec![
            there(),
            To::Applied,
            To::UndoStarted(movement(Way::Merge, "main")),
        ],
        vec![there(), To::Applied, back("main"), To::Undone, back("main")],
    ] {
        assert!(after(&run, &nonsense).is_err(), "{nonsense:?}");
    }
}
