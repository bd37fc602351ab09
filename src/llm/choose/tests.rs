//! The order of models, rule by rule; then pools of models that are played for long.

mod world;

use super::*;
use crate::config::{PhaseConfig, Price, Provider};
use crate::domain::choice::Observation;

/// Models by name, price of a million tokens and score; all of them named for the builder.
fn config(choose: Choose, models: &[(&str, Option<f64>, Option<f64>)]) -> Config {
    let mut config = Config::default();
    config
        .providers
        .insert("p".into(), Provider::of(ProviderKind::OpenAi));
    for (name, price, reasoning) in models {
        let model = ModelConfig {
            reasoning: *reasoning,
            price: price.map(|price| Price {
                input: price,
                output: price,
                cached_input: None,
            }),
            ..ModelConfig::of("p", *name)
        };
        config.models.insert((*name).into(), model);
    }
    let phase = PhaseConfig {
        models: models.iter().map(|(name, ..)| (*name).into()).collect(),
        choose,
        ..PhaseConfig::default()
    };
    config.phases.insert("builder".into(), phase);
    config
}

fn wanted<'a>(names: &'a [String], execution: u32) -> Wanted<'a> {
    Wanted {
        run: RunId(1),
        execution: ExecutionId(execution),
        agent: Agent::Builder,
        class: "low",
        names,
        switched: None,
        failed: None,
        another: false,
        in_vain: 0,
    }
}

fn names(config: &Config) -> Vec<String> {
    config.phases["builder"].models.clone()
}

fn seen(model: &str, passes: usize, failures: usize) -> Vec<Observation> {
    let one = |success| Observation {
        model: model.into(),
        agent: Agent::Builder,
        class: "low".into(),
        success,
    };
    // In turn, so that it does not look like a change.
    let all = passes + failures;
    (0..all)
        .map(|at| one((at + 1) * failures / all == at * failures / all))
        .collect()
}

const THREE: [(&str, Option<f64>, Option<f64>); 3] = [
    ("cheap", Some(1.0), Some(0.6)),
    ("middle", Some(4.0), Some(0.8)),
    ("dear", Some(20.0), Some(0.95)),
];

#[test]
fn by_order_they_stay_as_they_are_named_and_nothing_is_drawn() {
    let config = config(Choose::Order, &THREE);
    let named = names(&config);
    let (order, choice) = choose(&wanted(&named, 1), &config, &Beliefs::new(&config));
    assert_eq!(order, named);
    let choice = choice.expect("there was a choice");
    assert_eq!((choice.rule, choice.target), (ChoiceRule::Order, None));
    let first = &choice.candidates[0];
    assert_eq!((first.model.as_str(), first.draw), ("cheap", None));
    assert!((first.mean - 0.6).abs() < 1e-9);
    assert!((first.usd.expect("a price") - 0.011).abs() < 1e-9);
}

#[test]
fn one_model_is_no_choice() {
    let config = config(Choose::Score, &THREE[..1]);
    let named = names(&config);
    let (order, choice) = choose(&wanted(&named, 1), &config, &Beliefs::new(&config));
    assert_eq!((order, choice), (named, None));
}

#[test]
fn by_score_the_cheapest_that_is_good_enough_comes_first_and_the_rest_by_what_was_drawn() {
    let config = config(Choose::Score, &THREE);
    let named = names(&config);
    let history = [
        seen("cheap", 20, 40),
        seen("middle", 57, 3),
        seen("dear", 59, 1),
    ]
    .concat();
    let beliefs = Beliefs::new(&config).after(&history);
    for execution in 1..50 {
        let (order, choice) = choose(&wanted(&named, execution), &config, &beliefs);
        assert_eq!(order[0], "middle");
        assert_eq!(order[2], "cheap");
        let choice = choice.expect("there was a choice");
        assert_eq!(
            (choice.rule, choice.target),
            (ChoiceRule::Score, Some(0.75))
        );
        assert!(choice.candidates.iter().all(|one| one.draw.is_some()));
    }
}

#[test]
fn where_none_is_good_enough_the_best_draw_comes_first() {
    let mut config = config(Choose::Score, &THREE);
    config.phases.get_mut("builder").expect("is there").target = Some(1.0);
    let named = names(&config);
    let (_, choice) = choose(&wanted(&named, 3), &config, &Beliefs::new(&config));
    let draws: Vec<_> = choice
        .expect("there was a choice")
        .candidates
        .iter()
        .map(|one| one.draw.expect("drawn"))
        .collect();
    assert!(draws.is_sorted_by(|a, b| a >= b), "{draws:?}");
}

#[test]
fn without_a_price_a_model_is_dearest_unless_it_is_the_persons_own() {
    let mut config = config(
        Choose::Score,
        &[
            ("unknown", None, Some(0.9)),
            ("own", None, Some(0.9)),
            ("paid", Some(1.0), Some(0.9)),
        ],
    );
    let named = names(&config);
    let history = ["unknown", "own", "paid"]
        .map(|model| seen(model, 80, 0))
        .concat();
    let beliefs = Beliefs::new(&config).after(&history);
    let first = |config: &Config| choose(&wanted(&named, 1), config, &beliefs).0[0].clone();
    assert_eq!(first(&config), "paid");
    config.models.get_mut("own").expect("is there").private = true;
    assert_eq!(first(&config), "own");
    config.models.get_mut("own").expect("is there").private = false;
    let mut provider = Provider::of(ProviderKind::OpenAi);
    for (url, free) in [
        ("http://127.0.0.1:8000/v1", true),
        ("http://localhost", true),
        ("http://[::1]:80/v1", true),
        ("http://127.0.0.1.example.com/v1", false),
        ("https://localhost.example.com", false),
    ] {
        provider.base_url = Some(url.into());
        config.providers.insert("near".into(), provider.clone());
        config.models.get_mut("own").expect("is there").provider = "near".into();
        assert_eq!(first(&config) == "own", free, "{url}");
    }
}

#[test]
fn a_person_has_the_last_word() {
    let config = config(Choose::Score, &THREE);
    let named = names(&config);
    let about = Wanted {
        switched: Some("dear"),
        failed: Some("dear"),
        another: true,
        in_vain: 5,
        ..wanted(&named, 1)
    };
    let (order, choice) = choose(&about, &config, &Beliefs::new(&config));
    assert_eq!(order[0], "dear");
    assert_eq!(choice.map(|it| it.rule), Some(ChoiceRule::Switched));
    let only = ["cheap".to_owned()];
    let elsewhere = Wanted {
        names: &only,
        ..about
    };
    let (order, _) = choose(&elsewhere, &config, &Beliefs::new(&config));
    assert_eq!(
        order,
        ["dear", "cheap"],
        "also one that is not named for the agent"
    );
}

#[test]
fn another_model_comes_before_the_one_that_failed() {
    let config = config(Choose::Order, &THREE);
    let named = names(&config);
    let first = |failed| {
        let about = Wanted {
            failed: Some(failed),
            another: true,
            ..wanted(&named, 1)
        };
        let (order, choice) = choose(&about, &config, &Beliefs::new(&config));
        assert_eq!(choice.map(|it| it.rule), Some(ChoiceRule::AnotherModel));
        assert_ne!(order[0], failed);
        order.join(" ")
    };
    assert_eq!(first("cheap"), "middle dear cheap");
    assert_eq!(first("middle"), "dear cheap middle");
    assert_eq!(first("dear"), "cheap middle dear");
}

#[test]
fn after_two_repairs_in_vain_those_that_reason_better_come_first() {
    let config = config(Choose::Order, &THREE);
    let named = names(&config);
    let rule = |failed, in_vain| {
        let about = Wanted {
            failed: Some(failed),
            in_vain,
            ..wanted(&named, 1)
        };
        let (order, choice) = choose(&about, &config, &Beliefs::new(&config));
        (order.join(" "), choice.expect("there was a choice").rule)
    };
    assert_eq!(
        rule("cheap", 1),
        ("cheap middle dear".into(), ChoiceRule::Order)
    );
    assert_eq!(
        rule("cheap", 2),
        ("middle dear cheap".into(), ChoiceRule::HigherTier)
    );
    assert_eq!(
        rule("middle", 2),
        ("dear cheap middle".into(), ChoiceRule::HigherTier)
    );
    assert_eq!(
        rule("dear", 2),
        ("cheap middle dear".into(), ChoiceRule::Order)
    );
}

#[test]
fn the_same_run_draws_the_same_and_another_draws_otherwise() {
    let config = config(Choose::Score, &THREE);
    let (named, beliefs) = (names(&config), Beliefs::new(&config));
    let one = choose(&wanted(&named, 7), &config, &beliefs);
    assert_eq!(one, choose(&wanted(&named, 7), &config, &beliefs));
    assert_ne!(one.1, choose(&wanted(&named, 8), &config, &beliefs).1);
    let elsewhere = Wanted {
        run: RunId(2),
        ..wanted(&named, 7)
    };
    assert_ne!(one.1, choose(&elsewhere, &config, &beliefs).1);
}
