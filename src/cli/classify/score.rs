//! The scorer's weights: read from a file, made from labelled cases.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::diagnose::{Case, example};
use crate::domain::failure::ErrorType;
use crate::heal::classify::Scorer;
use crate::heal::classify::scorer::{
    Example, Judged, Tally, cross_validate, tally, train as learn,
};

use super::super::failure::Failure;
use super::super::ui::Ui;
use super::super::{Outcome, exit};

/// Reads weights.
pub(super) fn read(file: &Path) -> Result<Scorer, Failure> {
    let hint = "make them: rgpt classify --train CASES… --output FILE";
    let fail = |why: String| {
        Failure::config(
            format!("cannot read the weights in {}: {why}", file.display()),
            hint,
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
    Scorer::read(&text).map_err(fail)
}

/// Makes weights from the labelled cases in `files`, and says how good they are on cases they have not seen.
pub(super) fn train(files: &[PathBuf], output: Option<&Path>, validate: &str, ui: &Ui) -> Outcome {
    let mut examples = Vec::new();
    for file in files {
        examples.extend(labelled(file)?);
    }
    if examples.is_empty() {
        return Err(Failure::config(
            "no labelled failure of a command is among the cases",
            "each needs its class: {\"exit_code\": 1, \"stderr\": \"…\", \"truth\": {\"error_type\": \"CONFIG_ERROR\"}}",
        ));
    }
    let rules: Vec<Judged> = examples
        .iter()
        .map(|it| Judged {
            truth: it.class,
            said: it.rule.0,
            confidence: 1.0,
        })
        .collect();
    let tried = (validate != "no").then(|| tally(&cross_validate(&examples, validate == "each")));
    if let Some(output) = output {
        let text = serde_json::to_string(&learn(&examples)).map_err(anyhow::Error::from)?;
        std::fs::write(output, text + "\n").map_err(|error| {
            Failure::infra(format!("cannot write {}: {error}", output.display()), None)
        })?;
    }
    let (rules, alone) = (
        tally(&rules),
        examples.iter().filter(|it| it.rule.1).count(),
    );
    if ui.is_json() {
        ui.json(&json!({"cases": examples.len(), "decided_by_rules": alone, "rules": document(rules), "scorer": tried.map(document)}));
    } else {
        let line = |what: &str, it: Tally| {
            format!(
                "{what}  accuracy {:.3}, macro-F1 {:.3}, calibration error {:.3}",
                it.accuracy, it.macro_f1, it.calibration_error
            )
        };
        let mut lines = vec![format!(
            "{} cases, {alone} of them decided by rules alone",
            examples.len()
        )];
        lines.push(line("rules ", rules));
        lines.extend(tried.map(|tried| line("scorer", tried)));
        ui.line(&lines.join("\n"));
    }
    Ok(exit::REACHED)
}

fn document(tally: Tally) -> Value {
    json!({"accuracy": tally.accuracy, "macro_f1": tally.macro_f1, "calibration_error": tally.calibration_error})
}

/// The examples in a file of labelled cases.
fn labelled(file: &Path) -> Result<Vec<Example>, Failure> {
    let fail = |why: String| {
        Failure::config(
            format!("{}: {why}", file.display()),
            "name a file with one labelled case a line",
        )
    };
    let opened = std::fs::File::open(file).map_err(|error| fail(error.to_string()))?;
    let mut examples = Vec::new();
    for (at, line) in BufReader::new(opened).split(b'\n').enumerate() {
        let line = line.map_err(|error| fail(error.to_string()))?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let case =
            Case::read(&line).map_err(|error| fail(format!("line {}: {}", at + 1, error.why)))?;
        let label: Value = serde_json::from_slice(&line).unwrap_or_default();
        let class = label
            .pointer("/truth/error_type")
            .cloned()
            .unwrap_or_default();
        let Ok(class) = serde_json::from_value::<ErrorType>(class) else {
            continue;
        };
        let group = label
            .get("toolchain")
            .and_then(Value::as_str)
            .unwrap_or_default();
        examples.extend(example(&case, class, group));
    }
    Ok(examples)
}
