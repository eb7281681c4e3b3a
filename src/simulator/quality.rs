//! What the training code reports about its model: a pure function of the version and how far it came.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{
    oddity::Oddity,
    random::{between, mix},
    story::{COMPLETED, Moment, Version},
};

/// The classes a model tells apart.
#[derive(Clone, Debug)]
pub(super) enum Classes {
    /// The code reports nothing at all.
    Silent,
    /// Overall scores and these classes, which may be none.
    Named(Arc<[String]>),
}

/// A number as the wire writes it: whole ones without a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score(pub(super) f64);

impl Serialize for Score {
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers only")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 1e9 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Scores by name, in the order of the wire.
pub(super) type Scores = Vec<(String, Score)>;

/// What was reported.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) overall: Scores,
    pub(super) classes: Vec<Class>,
}

/// What was reported of a class.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) scores: Scores,
}

/// Minutes from one report of a running version to the next.
const REPORT_EVERY: u64 = 5;

/// Six decimals, as in the captured answers.
fn rounded(value: f64) -> Score {
    Score((value * 1e6).round() / 1e6)
}

/// What a version has reported so far.
pub(super) fn report(version: &Version, moment: Moment) -> Option<Report> {
    let Classes::Named(names) = &version.classes else { return None };
    if version.oddity.hides_metrics() {
        return None;
    }
    let epoch = moment.minutes.1 / REPORT_EVERY;
    if moment.started.is_none() || (epoch == 0 && moment.code != COMPLETED) {
        return None;
    }
    // What the model can reach, how near it has come, and a little luck.
    let ceiling = between(version.seed, 201, 880_000, 997_000) as f64 / 1e6;
    let near = 1.0 - 0.6 / (1.0 + epoch as f64 / 2.0);
    let score = |stream: u64, spread: f64| {
        let luck = (mix(version.seed, stream ^ (epoch << 20)) % 1000) as f64 / 1000.0;
        rounded((ceiling * near - spread * luck).clamp(0.0, 1.0))
    };
    let scores = |stream: u64, spread: f64| -> Scores {
        ["recall", "precision", "accuracy", "f1_score"]
            .into_iter()
            .zip(0..)
            .map(|(key, place)| (key.to_owned(), score(stream * 8 + place, spread)))
            .collect()
    };
    let overall = version.overall.as_ref().map_or_else(
        || scores(1, 0.02),
        |chosen| chosen.iter().map(|(key, value)| (key.clone(), Score(*value))).collect(),
    );
    let classes = names
        .iter()
        .zip(0..)
        .map(|(name, id)| Class { id, name: name.clone(), scores: scores(id + 2, 0.15) })
        .collect();
    let mut report = Report { overall, classes };
    bend(version.oddity, &mut report);
    Some(report)
}

fn bend(oddity: Oddity, report: &mut Report) {
    let overall = &mut report.overall;
    let rename_f1 = |scores: &mut Scores| {
        for (key, _) in scores.iter_mut().filter(|(key, _)| key == "f1_score") {
            "f1".clone_into(key);
        }
    };
    match oddity {
        Oddity::F1 => {
            rename_f1(overall);
            report.classes.iter_mut().for_each(|class| rename_f1(&mut class.scores));
        }
        Oddity::BothF1 => overall.insert(0, ("f1".to_owned(), Score(0.125))),
        Oddity::OutOfRange => {
            for (key, score) in overall.iter_mut() {
                match key.as_str() {
                    "accuracy" => score.0 = 1.5,
                    "recall" => score.0 = -1.0,
                    "precision" => score.0 = 123.456,
                    _ => {}
                }
            }
        }
        // The wire form says `NaN` in its place.
        Oddity::NotANumber => overall.retain(|(key, _)| key != "recall"),
        Oddity::ExtraKeys => overall.extend([
            ("id".to_owned(), Score(0.0)),
            ("top-1".to_owned(), Score(0.996_094)),
            ("top-5".to_owned(), Score(1.0)),
        ]),
        Oddity::NoTotal => overall.clear(),
        Oddity::NumberNames => {
            for class in &mut report.classes {
                class.name = class.id.to_string();
            }
        }
        _ => {}
    }
}
