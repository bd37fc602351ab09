//! What rules a model out before it is asked: what it cannot do, where it is, what it costs, and
//! that it rests.

use jiff::Timestamp;

use crate::config::ModelConfig;
use crate::domain::choice::RuledOut;
use crate::domain::message::{ModelRequest, room_for_prompt};
use crate::domain::tape::ModelFailure;

use super::price;

/// A model that may be asked, as far as it is known.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Its name in the configuration.
    pub name: &'a str,
    /// Its settings, if there are any.
    pub config: Option<&'a ModelConfig>,
    /// Why it cannot be asked at all.
    pub unusable: Option<ModelFailure>,
    /// Whether what it is told stays on machines of the person's own.
    pub at_home: bool,
    /// When it may be asked again, if it rests.
    pub resting: Option<Timestamp>,
}

/// What a request needs of a model.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Whether it has tools.
    pub tools: bool,
    /// Whether it has a schema.
    pub schema: bool,
    /// Its tokens, estimated.
    pub prompt: u64,
    /// The most tokens that a provider may count for it, which is what must be paid for.
    pub most_prompt: u64,
    /// The most tokens of its answer.
    pub max_output: u32,
    /// Whether it must stay on machines of the person's own.
    pub private: bool,
    /// What is left to be spent, in US dollars, if that is limited.
    pub left_usd: Option<f64>,
}

impl Needs {
    /// The needs of a request whose tokens are estimated already.
    pub fn of(request: &ModelRequest, prompt: u64, private: bool, left_usd: Option<f64>) -> Self {
        Self {
            tools: !request.tools.is_empty(),
            schema: request.schema.is_some(),
            prompt,
            most_prompt: price::most_tokens_of_prompt(request),
            max_output: request.max_output,
            private,
            left_usd,
        }
    }
}

/// What rules out each of the candidates, in their order; nothing where a model may be asked.
///
/// A model that cannot be held to a schema, or whose worst case does not fit in what is left, is
/// passed over only for one that can, or whose does. Where no prompt with its answer fits by the
/// estimate, the prompt alone must.
pub fn rule_out(candidates: &[Candidate<'_>], needs: &Needs) -> Vec<Option<RuledOut>> {
    let able = candidates
        .iter()
        .map(|candidate| inability(candidate, needs));
    let mut reasons: Vec<Option<RuledOut>> = able.collect();
    let fits = |at: usize, whole: bool| too_small(&candidates[at], needs, whole).is_none();
    let open = |reasons: &[Option<RuledOut>]| -> Vec<usize> {
        (0..reasons.len())
            .filter(|at| reasons[*at].is_none())
            .collect()
    };
    let left = open(&reasons);
    let whole = left.iter().any(|at| fits(*at, true));
    for at in left {
        let candidate = &candidates[at];
        let rests = || candidate.resting.map(|until| RuledOut::Resting { until });
        reasons[at] = too_small(candidate, needs, whole).or_else(rests);
    }
    let left = open(&reasons);
    let json = |at: usize| candidates[at].config.is_none_or(|config| config.json);
    if needs.schema && left.iter().any(|at| json(*at)) {
        let without = left.into_iter().filter(|at| !json(*at));
        without.for_each(|at| reasons[at] = Some(RuledOut::NoJson));
    }
    let left = open(&reasons);
    let dear = |at: usize| too_dear(&candidates[at], needs);
    if left.iter().any(|at| dear(*at).is_none()) {
        left.into_iter().for_each(|at| reasons[at] = dear(at));
    }
    reasons
}

/// What no circumstances change.
fn inability(candidate: &Candidate<'_>, needs: &Needs) -> Option<RuledOut> {
    let tools = candidate.config.is_none_or(|config| config.tools);
    if let Some(failure) = &candidate.unusable {
        let message = failure.message.clone();
        Some(RuledOut::Unusable { message })
    } else if needs.private && !candidate.at_home {
        Some(RuledOut::NotPrivate)
    } else {
        (needs.tools && !tools).then_some(RuledOut::NoTools)
    }
}

/// Whether the `whole` of prompt and answer does not fit, or even the prompt alone.
fn too_small(candidate: &Candidate<'_>, needs: &Needs, whole: bool) -> Option<RuledOut> {
    let window = candidate.config?.context_window?;
    let most = candidate.config?.max_output.unwrap_or(needs.max_output);
    let room = match whole {
        true => room_for_prompt(window, most.min(needs.max_output)),
        false => window.saturating_sub(1),
    };
    (needs.prompt > room).then(|| RuledOut::TooSmall {
        window,
        needed: needs.prompt.saturating_add(window - room),
    })
}

fn too_dear(candidate: &Candidate<'_>, needs: &Needs) -> Option<RuledOut> {
    let worst = price::worst_case(needs.most_prompt, needs.max_output, candidate.config?);
    let usd = worst.usd;
    needs
        .left_usd
        .filter(|left| usd > *left)
        .map(|_| RuledOut::TooDear { usd })
}

/// Why a model was not asked, in words that follow its name.
pub fn words(reason: &RuledOut) -> String {
    match reason {
        RuledOut::Unusable { message } => message.clone(),
        RuledOut::NoTools => "it calls no tools".to_owned(),
        RuledOut::NoJson => "it cannot be held to a schema".to_owned(),
        RuledOut::TooSmall { window: 0, .. } => {
            "its context window is not known to be any longer".to_owned()
        }
        RuledOut::TooSmall { window, needed } => {
            format!("its context window has {window} tokens, and about {needed} are needed")
        }
        RuledOut::NotPrivate => {
            "the phase is private, and the model is on no machine of your own".to_owned()
        }
        RuledOut::Resting { until } => format!("it failed of late, and rests until {until:.0}"),
        RuledOut::TooDear { usd } => {
            format!("it might cost ${usd:.4}, more than is left of the budget")
        }
        RuledOut::Failed => "it failed just now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Price;
    use crate::domain::tape::ModelFailureKind;

    const NEEDS: Needs = Needs {
        tools: true,
        schema: true,
        prompt: 1_000,
        most_prompt: 1_000,
        max_output: 500,
        private: false,
        left_usd: Some(1.0),
    };

    fn config() -> ModelConfig {
        ModelConfig::of("p", "m")
    }

    fn window(tokens: u64) -> ModelConfig {
        ModelConfig {
            context_window: Some(tokens),
            ..config()
        }
    }

    fn price(usd: f64) -> ModelConfig {
        let price = Price {
            input: usd,
            output: usd,
            cached_input: None,
        };
        ModelConfig {
            price: Some(price),
            ..config()
        }
    }

    fn candidate(config: &ModelConfig) -> Candidate<'_> {
        Candidate {
            name: "m",
            config: Some(config),
            unusable: None,
            at_home: false,
            resting: None,
        }
    }

    fn ruled_out(configs: &[ModelConfig], needs: &Needs) -> Vec<Option<RuledOut>> {
        let candidates: Vec<_> = configs.iter().map(candidate).collect();
        rule_out(&candidates, needs)
    }

    #[test]
    fn what_a_model_cannot_do_rules_it_out() {
        let toolless = ModelConfig {
            tools: false,
            ..config()
        };
        let reasons = ruled_out(&[toolless, config()], &NEEDS);
        assert_eq!(reasons, [Some(RuledOut::NoTools), None]);
        let plain = config();
        let broken = Candidate {
            unusable: Some(ModelFailure::new(ModelFailureKind::UnknownModel, "gone")),
            ..candidate(&plain)
        };
        let gone = RuledOut::Unusable {
            message: "gone".into(),
        };
        assert_eq!(rule_out(&[broken], &NEEDS), [Some(gone)]);
    }

    #[test]
    fn what_is_private_stays_at_home() {
        let needs = Needs {
            private: true,
            ..NEEDS
        };
        let plain = config();
        let home = Candidate {
            at_home: true,
            ..candidate(&plain)
        };
        let reasons = rule_out(&[candidate(&plain), home], &needs);
        assert_eq!(reasons, [Some(RuledOut::NotPrivate), None]);
    }

    #[test]
    fn json_is_a_preference() {
        let wordy = ModelConfig {
            json: false,
            ..config()
        };
        let reasons = ruled_out(&[wordy.clone(), config()], &NEEDS);
        assert_eq!(reasons, [Some(RuledOut::NoJson), None]);
        assert_eq!(ruled_out(&[wordy.clone(), wordy], &NEEDS), [None, None]);
    }

    #[test]
    fn prompt_and_answer_must_fit_or_the_prompt_where_that_fits_nowhere() {
        let needed = RuledOut::TooSmall {
            window: 1_200,
            needed: 1_300,
        };
        let reasons = ruled_out(&[window(1_200), window(2_000)], &NEEDS);
        assert_eq!(reasons, [Some(needed), None]);
        assert_eq!(ruled_out(&[window(1_200)], &NEEDS), [None]);
        let reasons = ruled_out(&[window(1_000)], &NEEDS);
        assert!(matches!(reasons[..], [Some(RuledOut::TooSmall { .. })]));
    }

    #[test]
    fn one_that_is_too_dear_is_passed_over_for_one_that_is_not() {
        let reasons = ruled_out(&[price(1_000.0), price(1.0)], &NEEDS);
        assert!(matches!(
            reasons[..],
            [Some(RuledOut::TooDear { .. }), None]
        ));
        // Where none fits, the budget's own stop says so.
        assert_eq!(ruled_out(&[price(1_000.0)], &NEEDS), [None]);
    }

    #[test]
    fn one_that_rests_is_passed_over_and_so_no_reason_to_pass_over_another() {
        let wordy = ModelConfig {
            json: false,
            ..config()
        };
        let plain = config();
        let until = Timestamp::UNIX_EPOCH;
        let resting = Candidate {
            resting: Some(until),
            ..candidate(&plain)
        };
        let reasons = rule_out(&[candidate(&wordy), resting], &NEEDS);
        assert_eq!(reasons, [None, Some(RuledOut::Resting { until })]);
    }

    proptest! {
        /// Preferences alone never leave nobody.
        #[test]
        fn somebody_is_left_where_anybody_is_able(
            models in prop::collection::vec((any::<bool>(), 0.0_f64..2_000.0, 1_001_u64..9_000), 1..8),
        ) {
            let configs: Vec<_> = models.iter().map(|(json, usd, tokens)| ModelConfig {
                json: *json,
                context_window: Some(*tokens),
                ..price(*usd)
            }).collect();
            prop_assert!(ruled_out(&configs, &NEEDS).iter().any(Option::is_none));
        }
    }
}
