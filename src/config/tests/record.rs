//! The recorded configuration reads back as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::finding::Category;

fn duration() -> impl Strategy<Value = Duration> {
    (1_u64..1_000_000_000).prop_map(Duration::from_millis)
}

fn price() -> impl Strategy<Value = Price> {
    (0.0..1e9, 0.0..1e9, proptest::option::of(0.0..1e9)).prop_map(|(input, output, cached)| Price {
        input,
        output,
        cached_input: cached,
    })
}

fn model() -> impl Strategy<Value = ModelConfig> {
    let sizes = (any::<Option<u64>>(), any::<Option<u32>>());
    let quality = (
        proptest::option::of(price()),
        proptest::option::of(0.0..1.0),
    );
    (".*", ".*", sizes, quality, any::<(bool, bool)>()).prop_map(
        |(provider, model, (context_window, max_output), (price, reasoning), (tools, json))| {
            ModelConfig {
                context_window,
                max_output,
                price,
                reasoning,
                tools,
                json,
                temperature: tools.then_some(json),
                effort: json.then_some(tools),
                private: tools && json,
                ..ModelConfig::of(provider, model)
            }
        },
    )
}

fn phase() -> impl Strategy<Value = PhaseConfig> {
    let effort = prop_oneof![
        Just(None),
        Just(Some(Effort::Low)),
        Just(Some(Effort::Medium)),
        Just(Some(Effort::High))
    ];
    let temperature = proptest::option::of(0.0_f32..2.0);
    let models = proptest::collection::vec(".*", 0..3);
    (models, temperature, effort, any::<Option<u32>>()).prop_map(
        |(models, temperature, effort, max_turns)| PhaseConfig {
            choose: if effort.is_some() {
                Choose::Score
            } else {
                Choose::Order
            },
            target: temperature.map(|it| f64::from(it) / 2.0),
            private: models.is_empty(),
            budget: Cap {
                attempts: max_turns.map(u64::from),
                ..Cap::default()
            },
            models,
            temperature,
            effort,
            max_turns,
        },
    )
}

fn check() -> impl Strategy<Value = CheckConfig> {
    let kind = prop_oneof![Just(Category::Build), Just(Category::Custom)];
    let report = prop_oneof![Just(ReportFormat::Auto), Just(ReportFormat::GoTest)];
    let network = prop_oneof![Just(Network::None), Just(Network::Host)];
    let env = proptest::collection::btree_map(".*", ".*", 0..3);
    let pass_env = proptest::collection::vec(".*", 0..3);
    let texts = (".*", ".*");
    let report = (report, proptest::collection::vec(".*", 0..3));
    (
        kind,
        texts,
        duration(),
        report,
        any::<u32>(),
        env,
        pass_env,
        network,
    )
        .prop_map(
            |(kind, (command, cwd), timeout, report, shards, env, pass_env, network)| CheckConfig {
                kind,
                command,
                cwd,
                timeout,
                report: report.0,
                artifacts: report.1.clone(),
                image: report.1.first().cloned(),
                runner: Runner::Podman,
                pull: Pull::Never,
                report_files: report.1,
                shards,
                env,
                pass_env,
                network,
            },
        )
}

fn config() -> impl Strategy<Value = Config> {
    let budget = (
        proptest::option::of(0.0..1e9),
        any::<Option<u64>>(),
        proptest::option::of(duration()),
    );
    let checks = proptest::collection::btree_map(".*", check(), 0..3)
        .prop_map(|checks| checks.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    (
        proptest::collection::btree_map(".*", model(), 0..3),
        proptest::collection::btree_map(".*", phase(), 0..3),
        budget,
        checks,
        1_u64..u64::MAX,
    )
        .prop_map(
            |(models, phases, (usd, tokens, wall), checks, rotate)| Config {
                providers: BTreeMap::from([(
                    "p".to_owned(),
                    Provider {
                        script: Some("/s.yaml".into()),
                        limits: ProviderLimits {
                            tokens_per_minute: tokens,
                            ..ProviderLimits::default()
                        },
                        ..Provider::of(ProviderKind::Scripted)
                    },
                )]),
                models,
                phases,
                budget: Budget {
                    usd,
                    tokens,
                    wall,
                    attempts: tokens,
                    day: Cap {
                        usd,
                        wall,
                        ..Cap::default()
                    },
                },
                checks,
                logging: Logging {
                    rotate,
                    ..Logging::default()
                },
                ..Config::default()
            },
        )
}

proptest! {
    #[test]
    fn a_recorded_configuration_reads_back_as_it_was(config in config()) {
        let text = canonical_json(&config).unwrap();
        let again = from_canonical_json(&text).unwrap();
        prop_assert_eq!(&again, &config);
        prop_assert_eq!(canonical_json(&again).unwrap(), text);
    }
}

#[test]
fn the_recorded_form_does_not_depend_on_the_order_of_the_keys() {
    let one = Project::new().file("orchestrator.local.yaml", "budget: {usd: 1, tokens: 2}");
    let other = Project::new().file("orchestrator.local.yaml", "budget: {tokens: 2, usd: 1}");
    assert_eq!(
        canonical_json(&one.config()).unwrap(),
        canonical_json(&other.config()).unwrap()
    );
}

#[test]
fn a_recorded_configuration_with_an_unknown_setting_is_refused() {
    let error = from_canonical_json("{\"surprise\": 1}").unwrap_err();
    assert!(error.to_string().contains("surprise"), "{error}");
}
