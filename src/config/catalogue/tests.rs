//! The shipped data holds together, and names lead to the right entry.

use std::collections::BTreeSet;

use jiff::civil::date;

use super::*;

#[test]
fn every_entry_is_complete_dated_unique_and_sane() {
    let shipped: Catalogue = serde_yaml::from_str(include_str!("../catalogue.yaml")).unwrap();
    assert!(shipped.models.len() > 30);
    let mut names = BTreeSet::new();
    for model in &shipped.models {
        let name = &model.name;
        for name in model.also.iter().chain([name]) {
            assert!(
                names.insert(format!("{:?} {name}", model.kind)),
                "{name} twice"
            );
            assert_eq!(known(model.kind, name).unwrap().name, model.name);
        }
        assert!(
            model.context_window >= u64::from(model.max_output),
            "{name}"
        );
        let usual = model.usual_window.unwrap_or(model.context_window);
        assert!((1..=model.context_window).contains(&usual), "{name}");
        let answer = model.max_output.min(shipped.answer);
        assert!(
            usual >= 2 * u64::from(answer),
            "{name}: no room for a prompt"
        );
        assert!((0.0..=1.0).contains(&model.reasoning), "{name}");
        assert!(model.as_of >= date(2026, 1, 1), "{name}");
        assert!(model.ends.is_none_or(|ends| ends > model.as_of), "{name}");
        assert!(
            model.source.contains('/') && model.source.contains('.'),
            "{name}"
        );
        if let Some(price) = model.price {
            assert!(
                price.output >= price.input && price.output <= 200.0,
                "{name}"
            );
            assert!(
                price.cached_input.is_none_or(|cached| cached < price.input),
                "{name}"
            );
            let at_home = model.kind == ProviderKind::Ollama;
            assert_eq!(price.input == 0.0, at_home, "{name}");
        }
    }
    for (agent, route) in &shipped.routes {
        let listed: BTreeSet<_> = route.iter().collect();
        assert_eq!(listed.len(), route.len(), "{agent}");
        for name in route {
            let model = shipped.models.iter().find(|model| model.name == *name);
            assert!(model.unwrap().ends.is_none(), "{agent}: {name} ends soon");
        }
    }
    for agent in ["tester", "releaser"] {
        assert!(
            !shipped.routes.contains_key(agent),
            "it does its work without a model"
        );
    }
}

#[test]
fn snapshots_and_tags_are_known_and_other_models_are_not_taken_for_them() {
    use ProviderKind::{Anthropic, Gemini, Ollama, OpenAi};
    for (kind, name, found) in [
        (Anthropic, "claude-opus-5", Some("claude-opus-5")),
        (Anthropic, "claude-opus-5-5", Some("claude-opus-5-5")),
        (Anthropic, "claude-opus-5-20260724", Some("claude-opus-5")),
        (Anthropic, "claude-opus-5-9", None),
        (Anthropic, "gpt-5.4", None),
        (OpenAi, "gpt-5.4-2026-03-05", Some("gpt-5.4")),
        (OpenAi, "gpt-5.4-mini", Some("gpt-5.4-mini")),
        (OpenAi, "gpt-5.4-pro", None),
        (OpenAi, "gpt-5.6", Some("gpt-5.6-sol")),
        (OpenAi, "gpt-5", None),
        (Gemini, "gemini-2.5-flash-001", Some("gemini-2.5-flash")),
        (Ollama, "qwen3-coder:30b", Some("qwen3-coder")),
        (Ollama, "qwen3-coder:480b-cloud", None),
        (Ollama, "qwen3-coder-next:latest", Some("qwen3-coder-next")),
        (Ollama, "my-qwen3-coder", None),
    ] {
        assert_eq!(
            known(kind, name).map(|model| model.name.as_str()),
            found,
            "{name}"
        );
    }
}

#[test]
fn what_is_old_or_ends_soon_is_told_by_the_day() {
    let model = known(ProviderKind::Anthropic, "claude-sonnet-4-5").unwrap();
    assert!(!model.is_stale(date(2026, 11, 21)));
    assert!(model.is_stale(date(2027, 11, 21)));
    assert_eq!(
        model.is_ending(date(2026, 11, 21)),
        Some(date(2026, 11, 30))
    );
    assert_eq!(model.is_ending(date(2026, 6, 1)), None);
    let model = known(ProviderKind::Anthropic, "claude-opus-5-5").unwrap();
    assert_eq!(model.is_ending(date(2030, 1, 1)), None);
}
