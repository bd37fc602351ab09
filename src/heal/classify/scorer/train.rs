//! Making the weights: the same examples give the same weights, to the last digit.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::failure::{Distribution, ErrorType};

use super::features::says;
use super::{CLASSES, Feature, Scorer, softened};

/// Steps of the descent.
const STEPS: usize = 150;
/// The first step's length (`AdaGrad`, Duchi et al. 2011).
const RATE: f64 = 0.5;
/// What weights cost (L2).
const RIDGE: f64 = 0.03;
/// A feature must be seen in so many examples.
const SEEN: usize = 2;
/// Lighter weights are not kept, in thousandths.
const LIGHT: i32 = 15;
/// The weight of a rule's word for its class before anything is learnt.
const BELIEVED: f64 = 4.0;
/// A label names one class where several may be right, so what fits labels is too modest.
const SHARPER: f64 = 0.75;
/// Parts for cross-validation.
const FOLDS: usize = 5;

/// A case whose class is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What the scorer sees of it.
    pub features: Vec<Feature>,
    /// What it is.
    pub class: ErrorType,
    /// Cases that are told apart or kept together as one when the weights are tried out.
    pub group: String,
    /// What the rules alone say, and whether they decide alone.
    pub rule: (ErrorType, bool),
}

/// What one trial said of one case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// What it is.
    pub truth: ErrorType,
    /// What was said.
    pub said: ErrorType,
    /// How likely that was held to be.
    pub confidence: f64,
}

/// How good a set of trials was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Cases.
    pub cases: usize,
    /// The share that was right.
    pub accuracy: f64,
    /// The mean over classes of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// The mean distance of confidence from accuracy, over ten bins (expected calibration error).
    pub calibration_error: f64,
}

/// Learns weights from examples.
pub fn train(examples: &[Example]) -> Scorer {
    let judged = out_of_fold(examples, 1.0);
    let temperature = temperature(&judged);
    let alone: Vec<&Example> = examples.iter().filter(|it| it.rule.1).collect();
    let right = alone.iter().filter(|it| it.rule.0 == it.class).count();
    Scorer {
        temperature,
        hard_precision: share(right + 1, alone.len() + 2),
        weights: weights(&examples.iter().collect::<Vec<_>>()),
    }
}

/// What is said of each example by weights that have not seen its group: five parts by group, or
/// one part a group.
pub fn cross_validate(examples: &[Example], each_group: bool) -> Vec<Judged> {
    let folds = if each_group {
        groups(examples)
    } else {
        folds(examples)
    };
    let mut judged = Vec::new();
    for fold in folds {
        let (out, rest): (Vec<&Example>, Vec<&Example>) = examples
            .iter()
            .partition(|example| fold.contains(&example.group));
        let seen: Vec<Example> = rest.into_iter().cloned().collect();
        let scorer = train(&seen);
        judged.extend(out.into_iter().map(|example| {
            let distribution = scorer.distribution(&example.features);
            let (said, confidence) = match example.rule {
                (class, true) => (class, scorer.hard_precision),
                (_, false) => (
                    distribution.likeliest(),
                    distribution.get(distribution.likeliest()),
                ),
            };
            Judged {
                truth: example.class,
                said,
                confidence,
            }
        }));
    }
    judged
}

/// How good trials were.
pub fn tally(judged: &[Judged]) -> Tally {
    let right = |it: &&Judged| it.truth == it.said;
    let classes: BTreeSet<ErrorType> = judged.iter().map(|it| it.truth).collect();
    let f1 = classes.iter().map(|class| {
        let hits = judged
            .iter()
            .filter(right)
            .filter(|it| it.truth == *class)
            .count();
        let told = judged.iter().filter(|it| it.said == *class).count();
        let there = judged.iter().filter(|it| it.truth == *class).count();
        share(2 * hits, told + there)
    });
    let macro_f1 = f1.sum::<f64>() / number(classes.len().max(1));
    let mut off = 0.0;
    for bin in 0..10 {
        let (from, to) = (number(bin) / 10.0, number(bin + 1) / 10.0);
        let inside: Vec<&Judged> = judged
            .iter()
            .filter(|it| it.confidence > from && it.confidence <= to)
            .collect();
        let sure: f64 = inside.iter().map(|it| it.confidence).sum();
        let hits = inside.iter().copied().filter(|it| right(it)).count();
        off += (sure - number(hits)).abs();
    }
    Tally {
        cases: judged.len(),
        accuracy: share(judged.iter().filter(right).count(), judged.len()),
        macro_f1,
        calibration_error: off / number(judged.len().max(1)),
    }
}

/// The groups, one a part.
fn groups(examples: &[Example]) -> Vec<BTreeSet<String>> {
    let all: BTreeSet<&String> = examples.iter().map(|it| &it.group).collect();
    all.into_iter()
        .map(|group| BTreeSet::from([group.clone()]))
        .collect()
}

/// The groups in five parts of nearly the same size: the largest first, each to the smallest part.
fn folds(examples: &[Example]) -> Vec<BTreeSet<String>> {
    let mut sizes: BTreeMap<&String, usize> = BTreeMap::new();
    for example in examples {
        *sizes.entry(&example.group).or_default() += 1;
    }
    let mut ordered: Vec<(&String, usize)> = sizes.into_iter().collect();
    ordered.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut folds = vec![(0, BTreeSet::new()); FOLDS.min(ordered.len()).max(1)];
    for (group, size) in ordered {
        if let Some(smallest) = folds.iter_mut().min_by_key(|fold| fold.0) {
            smallest.0 += size;
            smallest.1.insert(group.clone());
        }
    }
    folds.into_iter().map(|(_, groups)| groups).collect()
}

/// Scores of examples by weights that have not seen them, where the rules do not decide alone.
fn out_of_fold(examples: &[Example], temperature: f64) -> Vec<([f64; CLASSES], ErrorType)> {
    let mut scored = Vec::new();
    for fold in folds(examples) {
        let seen: Vec<&Example> = examples
            .iter()
            .filter(|it| !fold.contains(&it.group))
            .collect();
        let weights = weights(&seen);
        let out = examples
            .iter()
            .filter(|it| fold.contains(&it.group) && !it.rule.1);
        for example in out {
            let mut scores = [0.0; CLASSES];
            for (name, value) in &example.features {
                if let Some(row) = weights.get(name) {
                    for (score, weight) in scores.iter_mut().zip(row) {
                        *score += value * f64::from(*weight) / 1000.0 / temperature;
                    }
                }
            }
            scored.push((scores, example.class));
        }
    }
    scored
}

/// The temperature at which likelihoods come true best (least log loss; Guo et al. 2017).
fn temperature(scored: &[([f64; CLASSES], ErrorType)]) -> f64 {
    let loss = |temperature: f64| -> f64 {
        let of = |(scores, class): &([f64; CLASSES], ErrorType)| {
            let distribution: Distribution = softened(scores, temperature);
            -distribution.get(*class).max(1e-9).ln()
        };
        scored.iter().map(of).sum()
    };
    let mut best = (f64::MAX, 1.0);
    for step in 0..60 {
        let candidate = 0.3 * 1.05_f64.powi(step);
        let found = loss(candidate);
        if found < best.0 {
            best = (found, candidate);
        }
    }
    (best.1 * SHARPER * 1000.0).round() / 1000.0
}

/// The features of a case by their number, and the number of its class.
type Row = (Vec<(usize, f64)>, usize);

/// Weights for the features that are seen often enough.
fn weights(examples: &[&Example]) -> BTreeMap<String, [i32; CLASSES]> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in examples.iter().flat_map(|example| &example.features) {
        *seen.entry(name).or_default() += 1;
    }
    let often = seen.into_iter().filter(|(_, times)| *times >= SEEN);
    let names: Vec<&str> = often.map(|(name, _)| name).collect();
    let index: BTreeMap<&str, usize> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (*name, at))
        .collect();
    let row = |example: &&Example| -> Row {
        let known = example.features.iter();
        let row = known.filter_map(|(name, value)| Some((*index.get(name.as_str())?, *value)));
        (row.collect(), example.class as usize)
    };
    let rows: Vec<Row> = examples.iter().map(row).collect();
    let before: Vec<[f64; CLASSES]> = names.iter().map(|name| before(name)).collect();
    let found = descended(&rows, before);
    let rounded = found.iter().map(|row| row.map(thousandths));
    let named = names.into_iter().map(str::to_owned).zip(rounded);
    named
        .filter(|(_, row)| row.iter().any(|weight| weight.abs() >= LIGHT))
        .collect()
}

/// Descends from `before`, all examples at each step.
fn descended(rows: &[Row], before: Vec<[f64; CLASSES]>) -> Vec<[f64; CLASSES]> {
    let importance = importance(rows);
    let mut weights = before.clone();
    let mut squares = vec![[1e-6_f64; CLASSES]; before.len()];
    let mut slopes = vec![[0.0_f64; CLASSES]; before.len()];
    for _ in 0..STEPS {
        for ((slope, weight), before) in slopes.iter_mut().zip(&weights).zip(&before) {
            for class in 0..CLASSES {
                slope[class] = RIDGE * (weight[class] - before[class]);
            }
        }
        for row in rows {
            lean(row, &weights, &importance, &mut slopes);
        }
        for ((weight, square), slope) in weights.iter_mut().zip(&mut squares).zip(&slopes) {
            for class in 0..CLASSES {
                square[class] += slope[class] * slope[class];
                weight[class] -= RATE * slope[class] / square[class].sqrt();
            }
        }
    }
    weights
}

/// Adds how much one example wants each weight changed.
fn lean(
    (row, truth): &Row,
    weights: &[[f64; CLASSES]],
    importance: &[f64; CLASSES],
    slopes: &mut [[f64; CLASSES]],
) {
    let mut scores = [0.0; CLASSES];
    for (at, value) in row {
        for class in 0..CLASSES {
            scores[class] += value * weights[*at][class];
        }
    }
    let likely = softened(&scores, 1.0);
    let mut off = [0.0; CLASSES];
    for class in ErrorType::ALL {
        let at = class as usize;
        off[at] = (likely.get(class) - f64::from(u8::from(at == *truth))) * importance[*truth];
    }
    for (at, value) in row {
        for class in 0..CLASSES {
            slopes[*at][class] += value * off[class];
        }
    }
}

/// The weights from which the descent begins and to which it is drawn: what the rules say is believed.
fn before(name: &str) -> [f64; CLASSES] {
    let mut weights = [0.0; CLASSES];
    if let Some(class) = ErrorType::ALL
        .into_iter()
        .find(|class| name == says(*class))
    {
        weights[class as usize] = BELIEVED;
    }
    weights
}

/// Rare classes count more, by the root of their rarity; together each example counts a bit.
fn importance(rows: &[Row]) -> [f64; CLASSES] {
    let mut times = [0_usize; CLASSES];
    for (_, class) in rows {
        times[*class] += 1;
    }
    let even = number(rows.len()) / number(CLASSES);
    times.map(|times| {
        (even / number(times.max(1))).sqrt().clamp(0.5, 3.0) / number(rows.len().max(1)) * 20.0
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast to i32 saturates, and weights are small"
)]
fn thousandths(weight: f64) -> i32 {
    (weight * 1000.0).round() as i32
}

#[expect(clippy::cast_precision_loss, reason = "counts of examples are small")]
fn number(count: usize) -> f64 {
    count as f64
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        number(part) / number(whole)
    }
}
