use proptest::prelude::*;

use super::*;

/// Examples in which one word tells the class, and another tells nothing.
fn examples() -> Vec<Example> {
    let words = [
        ("refused", ErrorType::Infra),
        ("missing", ErrorType::Config),
        ("expected", ErrorType::Assertion),
    ];
    (0..60)
        .map(|number| {
            let (word, class) = words[number % 3];
            Example {
                features: vec![
                    ("bias".to_owned(), 1.0),
                    (format!("cause:{word}"), 0.4),
                    (format!("noise:{}", number % 7), 0.4),
                ],
                class,
                group: format!("g{}", number % 10),
                rule: (ErrorType::Runtime, false),
            }
        })
        .collect()
}

#[test]
fn the_same_examples_give_the_same_weights() {
    let (first, second) = (train(&examples()), train(&examples()));
    assert_eq!(first, second);
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(Scorer::read(&text).as_ref(), Ok(&first));
}

#[test]
fn words_that_tell_are_learnt_and_carry_over_to_unseen_groups() {
    let judged = cross_validate(&examples(), false);
    let tally = tally(&judged);
    assert_eq!((tally.cases, tally.accuracy), (60, 1.0));
    assert!(tally.macro_f1 > 0.999, "{tally:?}");
}

#[test]
fn the_weights_that_are_built_in_can_be_read() {
    assert!(Scorer::built_in().temperature > 0.0);
    assert!(Scorer::read("{\"temperature\":0,\"hard_precision\":1,\"weights\":{}}").is_err());
    assert!(Scorer::read("{").is_err());
}

proptest! {
    #[test]
    fn likelihoods_always_sum_to_one_but_for_rounding(names in prop::collection::vec("(bias|first=CONFIG_ERROR|code=1|[a-z]{1,5})", 0..20), value in -1e9..1e9) {
        let features: Vec<Feature> = names.into_iter().map(|name| (name, value)).collect();
        let distribution = Scorer::built_in().distribution(&features);
        let sum: f64 = ErrorType::ALL.iter().map(|class| distribution.get(*class)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-3);
    }
}
