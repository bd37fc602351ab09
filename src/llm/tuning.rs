//! How hot and how deep an execution's model thinks: temperature and effort, by rule. Pure.

use crate::domain::failure::ErrorType;
use crate::domain::message::Effort;

/// Where temperature begins: plans, JSON and code want few surprises.
const START: f32 = 0.2;

/// The temperature goes up by so much.
const STEP: f32 = 0.2;

/// And no higher than this.
const HIGHEST: f32 = 1.0;

/// So many passes in a row lower the effort by a level.
const CLEAN_PASSES: u32 = 10;

/// What the rules look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// The configured temperature, to begin with.
    pub temperature: Option<f32>,
    /// The configured effort, to begin with.
    pub effort: Option<Effort>,
    /// How the earlier attempts at the same thing failed, oldest first.
    pub failures: &'a [ErrorType],
    /// How often in a row the agent's work has passed until now.
    pub straight: u32,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// The sampling temperature.
    pub temperature: f32,
    /// How much to reason.
    pub effort: Effort,
    /// Why, in words.
    pub why: String,
}

/// The temperature goes a step up for each attempt that failed because the work was wrong, and down
/// to nothing when an answer could not be used. The effort goes a level up when the plan or the
/// change was wrong, or a check failed a second time, and a level down after ten passes in a row.
pub fn tune(at: &Situation<'_>) -> Tuning {
    let (temperature, why_temperature) = temperature(at);
    let (effort, why_effort) = effort(at);
    Tuning {
        temperature,
        effort,
        why: format!(
            "temperature {temperature}, {why_temperature}; effort {}, {why_effort}",
            effort.as_str()
        ),
    }
}

fn temperature(at: &Situation<'_>) -> (f32, String) {
    let mut now = at.temperature.unwrap_or(START);
    let mut why = match at.temperature {
        Some(_) => "as configured".to_owned(),
        None => "as usual".to_owned(),
    };
    for failure in at.failures {
        match failure {
            ErrorType::Assertion | ErrorType::Logic => {
                now = raised(now);
                why = format!("a step up after {failure}");
            }
            ErrorType::Llm => {
                now = 0.0;
                why = format!("down after {failure}");
            }
            _ => {}
        }
    }
    (now, why)
}

/// A step up, in tenths, so that 0.2 and 0.2 and 0.2 are 0.6; one that is configured higher stays.
fn raised(temperature: f32) -> f32 {
    let up = ((temperature + STEP) * 10.0).round() / 10.0;
    up.min(HIGHEST).max(temperature)
}

fn effort(at: &Situation<'_>) -> (Effort, String) {
    let mut now = at.effort.unwrap_or(Effort::Medium);
    let mut why = match at.effort {
        Some(_) => "as configured".to_owned(),
        None => "as usual".to_owned(),
    };
    let mut assertions = 0;
    for failure in at.failures {
        let up = match failure {
            ErrorType::Logic => true,
            ErrorType::Assertion => {
                assertions += 1;
                assertions > 1
            }
            _ => false,
        };
        if up {
            now = higher(now);
            why = match failure {
                ErrorType::Assertion => format!("up after {failure} again"),
                _ => format!("up after {failure}"),
            };
        }
    }
    let clean = at.straight / CLEAN_PASSES;
    if at.failures.is_empty() && clean > 0 && now != Effort::Low {
        now = (0..clean).fold(now, |now, _| lower(now));
        why = format!("down after {} passes in a row", at.straight);
    }
    (now, why)
}

fn higher(effort: Effort) -> Effort {
    match effort {
        Effort::Low => Effort::Medium,
        Effort::Medium | Effort::High => Effort::High,
    }
}

fn lower(effort: Effort) -> Effort {
    match effort {
        Effort::High => Effort::Medium,
        Effort::Medium | Effort::Low => Effort::Low,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ErrorType::{Assertion, Config, Infra, Llm, Logic, Runtime};

    fn tuned(failures: &[ErrorType]) -> (f32, Effort) {
        let tuning = tune(&Situation {
            failures,
            ..Situation::default()
        });
        (tuning.temperature, tuning.effort)
    }

    #[test]
    fn the_temperature_rises_with_wrong_work_and_falls_with_unusable_answers() {
        for (failures, expected) in [
            (&[][..], 0.2),
            (&[Assertion], 0.4),
            (&[Assertion, Logic], 0.6),
            (&[Assertion, Infra, Config, Runtime], 0.4),
            (&[Assertion, Llm], 0.0),
            (&[Llm, Assertion], 0.2),
            (&[Logic; 9], 1.0),
        ] {
            let (temperature, _) = tuned(failures);
            assert!(
                (temperature - expected).abs() < 1e-6,
                "{failures:?}: {temperature}"
            );
        }
    }

    #[test]
    fn the_effort_rises_with_wrong_plans_and_a_second_failing_check() {
        for (failures, expected) in [
            (&[][..], Effort::Medium),
            (&[Assertion], Effort::Medium),
            (&[Assertion, Assertion], Effort::High),
            (&[Logic], Effort::High),
            (&[Llm, Infra, Runtime], Effort::Medium),
        ] {
            assert_eq!(tuned(failures).1, expected, "{failures:?}");
        }
    }

    #[test]
    fn ten_passes_in_a_row_lower_the_effort_unless_something_failed() {
        let effort = |straight, failures| {
            tune(&Situation {
                straight,
                failures,
                ..Situation::default()
            })
            .effort
        };
        assert_eq!(effort(9, &[]), Effort::Medium);
        assert_eq!(effort(10, &[]), Effort::Low);
        assert_eq!(effort(500, &[]), Effort::Low);
        assert_eq!(effort(10, &[Assertion]), Effort::Medium);
    }

    #[test]
    fn what_is_configured_is_where_they_begin_and_words_say_why() {
        let configured = Situation {
            temperature: Some(0.7),
            effort: Some(Effort::High),
            ..Situation::default()
        };
        assert_eq!(
            tune(&configured).why,
            "temperature 0.7, as configured; effort high, as configured"
        );
        let failed = Situation {
            failures: &[Assertion, Assertion],
            ..configured
        };
        assert_eq!(
            tune(&failed).why,
            "temperature 1, a step up after ASSERTION_ERROR; effort high, up after ASSERTION_ERROR again"
        );
        let hot = Situation {
            temperature: Some(1.5),
            ..failed
        };
        assert!((tune(&hot).temperature - 1.5).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn temperatures_are_legal_and_read_well(
            configured in proptest::option::of(0.0_f32..1.0),
            failures in proptest::collection::vec(0_usize..6, 0..20)
        ) {
            let kinds = [Assertion, Logic, Llm, Infra, Config, Runtime];
            let failures: Vec<_> = failures.into_iter().map(|at| kinds[at]).collect();
            let tuning = tune(&Situation { temperature: configured, failures: &failures, ..Situation::default() });
            prop_assert!((0.0..=1.0).contains(&tuning.temperature));
            if configured.is_none() {
                prop_assert!(tuning.temperature.to_string().len() <= 3, "{}", tuning.temperature);
            }
        }
    }
}
