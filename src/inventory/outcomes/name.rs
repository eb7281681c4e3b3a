use serde::{Deserialize, Serialize};

use super::run::{Millis, Run, Runs, seconds};
use super::streak::Streak;
use super::view::{LastRun, NameView, PreviousScores};
use crate::model::{Outcome, Quality, Scores};

/// The newest one is of the version that is shown, the other is what it is compared with.
const SCORED: usize = 2;

/// What is remembered of all runs of one name. Everything but the counts depends on when the runs
/// ended, never on the order in which we heard of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Name {
    runs: Runs,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_completed: Option<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failed: Option<Run>,
    #[serde(skip_serializing_if = "Streak::is_empty")]
    streak: Streak,
    /// The last completed runs, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scored: Vec<Scored>,
    /// Since when no job has this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gone: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Last {
    run: Run,
    label: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scored {
    run: Run,
    #[serde(with = "bits")]
    scores: Scores,
    #[serde(default, with = "bits", skip_serializing_if = "Scores::is_empty")]
    worst_class: Scores,
}

impl Scored {
    fn new(run: &Run) -> Self {
        let nothing = Scores::default;
        Self { run: run.clone(), scores: nothing(), worst_class: nothing() }
    }
}

impl Name {
    pub(super) fn count(&mut self, outcome: Outcome) {
        self.runs.count(outcome);
    }

    /// A version ended. One that had ended before, and ran again, takes the place of its earlier end in
    /// all but the times of the last success and failure: that it failed then is no less true.
    pub(super) fn ended(&mut self, run: &Run, label: &str, outcome: Outcome) {
        self.streak.forget(run);
        self.scored.retain(|scored| !scored.run.is_of_same_version(run));
        match outcome {
            Outcome::Completed => {
                self.streak.completed(run);
                keep_later(&mut self.last_completed, run);
                let at = self.scored.partition_point(|scored| scored.run > *run);
                self.scored.insert(at, Scored::new(run));
                self.scored.truncate(SCORED);
            }
            Outcome::Failed => {
                if self.last_completed.as_ref().is_none_or(|completed| completed < run) {
                    self.streak.failed(run.clone());
                }
                keep_later(&mut self.last_failed, run);
            }
            Outcome::Terminated => {}
        }
        let is_last = |last: &Last| last.run <= *run || last.run.is_of_same_version(run);
        if self.last.as_ref().is_none_or(is_last) {
            self.last = Some(Last { run: run.clone(), label: label.to_owned(), outcome });
        }
    }

    /// The scores of a completed version. Returns whether they are news.
    pub(super) fn scored(&mut self, run: &Run, quality: &Quality) -> bool {
        let known = self.scored.iter_mut().find(|scored| scored.run.is_of_same_version(run));
        let Some(known) = known else { return false };
        let overall = &quality.overall;
        let scores = Scores {
            recall: overall.recall,
            precision: overall.precision,
            accuracy: overall.accuracy,
            f1_score: overall.f1_score,
            ..Scores::default()
        };
        let worst_class = quality.worst_class();
        let is_news = known.scores != scores || known.worst_class != worst_class;
        known.scores = scores;
        known.worst_class = worst_class;
        is_news
    }

    /// The scores of the last run that completed before this one; of the last one of all for a version
    /// that has not ended.
    pub(super) fn previous(&self, ended: Option<&Run>) -> Option<PreviousScores<'_>> {
        let is_before = |scored: &&Scored| ended.is_none_or(|run| scored.run < *run);
        let Scored { scores: overall, worst_class, .. } = self.scored.iter().find(is_before)?;
        Some(PreviousScores { overall, worst_class })
    }

    pub(super) fn view(&self) -> NameView {
        let finished = |run: &Option<Run>| run.as_ref().map(|run| seconds(run.finished));
        NameView {
            runs: self.runs,
            last: self.last.as_ref().map(|last| LastRun {
                job_id: last.run.job_id.clone(),
                version: last.label.clone(),
                outcome: last.outcome,
            }),
            last_completed: finished(&self.last_completed),
            last_failed: finished(&self.last_failed),
            consecutive_failures: self.streak.len(),
        }
    }
}

fn keep_later(kept: &mut Option<Run>, run: &Run) {
    if kept.as_ref().is_none_or(|kept| kept < run) {
        *kept = Some(run.clone());
    }
}

/// The four scores as the bits of their numbers: the digits of a number in JSON are not always read
/// back as the same number, and a value must not change because of a restart.
mod bits {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::model::Scores;

    type Bits = [Option<u64>; 4];

    pub(super) fn serialize<S: Serializer>(
        scores: &Scores,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let numbers = [scores.recall, scores.precision, scores.accuracy, scores.f1_score];
        numbers.map(|number| number.map(f64::to_bits)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Scores, D::Error> {
        let numbers = Bits::deserialize(deserializer)?.map(|bits| bits.map(f64::from_bits));
        let [recall, precision, accuracy, f1_score] = numbers;
        Ok(Scores { recall, precision, accuracy, f1_score, ..Scores::default() })
    }
}
