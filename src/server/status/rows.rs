//! The jobs of one page: a copy of what is shown of each.

use super::Sight;
use crate::inventory::outcomes::NameView;
use crate::inventory::{JobSight, TaskSight, Trouble, VersionSight};
use crate::model::{Failure, JobKey, Measure, Point, Scores, State};

/// What is shown of a job among others.
pub(super) struct Row {
    pub(super) key: JobKey,
    pub(super) name: String,
    pub(super) gone: bool,
    pub(super) trouble: Option<Trouble>,
    pub(super) newest: Option<Newest>,
    /// How the runs of its name ended.
    pub(super) outcomes: Option<NameView>,
}

/// What is shown of its newest version.
pub(super) struct Newest {
    pub(super) label: String,
    /// Followed beside it.
    pub(super) others: usize,
    pub(super) state: State,
    /// Of v2, once it has failed.
    pub(super) failure: Option<Failure>,
    pub(super) status_changed: f64,
    pub(super) created: Option<f64>,
    pub(super) duration: Option<f64>,
    pub(super) confirmed: f64,
    pub(super) is_fresh: bool,
    pub(super) usage: Option<UsageInShort>,
    pub(super) quality: Option<Score>,
}

/// The use of what costs most: of several tasks, that of the one which uses it least.
pub(super) struct UsageInShort {
    pub(super) measure: Measure,
    pub(super) tasks: usize,
    pub(super) points: Vec<Point>,
    pub(super) minutes: u32,
    /// While it runs and samples keep coming.
    pub(super) now: Option<f64>,
    pub(super) mean: Option<f64>,
    pub(super) is_fresh: bool,
}

/// One score of the whole model.
pub(super) struct Score {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) previous: Option<f64>,
    pub(super) is_fresh: bool,
}

/// Copies what is shown of these jobs; those that have gone meanwhile are left out.
pub(super) fn rows(sight: &dyn Sight, keys: &[JobKey]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(keys.len());
    sight.look(&mut |inventory, now| {
        rows = keys
            .iter()
            .filter_map(|key| {
                let job = inventory.see_job(key, now)?;
                let outcomes = inventory.outcomes.of_job(key).map(|(_, view)| view);
                Some(row(key, &job, outcomes))
            })
            .collect();
    });
    rows
}

fn row(key: &JobKey, job: &JobSight<'_>, outcomes: Option<NameView>) -> Row {
    let newest = job.versions.first().map(|newest| Newest {
        label: newest.label.to_owned(),
        others: job.versions.len() - 1,
        state: newest.version.state,
        status_changed: newest.status_changed,
        created: newest.version.created,
        duration: newest.version.duration,
        failure: newest.version.execution.failure,
        confirmed: newest.confirmed,
        is_fresh: newest.is_fresh,
        usage: usage_in_short(newest),
        quality: main_score(newest).map(|(name, value)| Score {
            name,
            value,
            previous: newest.previous.and_then(|before| score(before.overall, name)),
            is_fresh: newest.quality.is_some_and(|quality| quality.is_fresh),
        }),
    });
    Row {
        key: key.clone(),
        name: job.name.to_owned(),
        gone: job.gone,
        trouble: job.trouble,
        newest,
        outcomes,
    }
}

fn usage_in_short(version: &VersionSight<'_>) -> Option<UsageInShort> {
    let (measure, task) = main_measure(version)?;
    let usage = task.usage;
    Some(UsageInShort {
        measure,
        tasks: version.tasks.len(),
        points: usage.curves.of(measure).unwrap_or_default(),
        minutes: usage.curves.minutes(),
        now: usage.newest.of(measure).filter(|_| task.is_sampled),
        mean: usage.whole_run.of(measure).map(|run| run.mean),
        is_fresh: task.is_fresh,
    })
}

/// The use that matters most: of GPUs, else NPUs, else processors; and the task that has the least of it,
/// because an idle one is what somebody should know of.
pub(super) fn main_measure<'a>(version: &VersionSight<'a>) -> Option<(Measure, TaskSight<'a>)> {
    let resources = &version.version.resources;
    [Measure::Gpu, Measure::Npu, Measure::Cpu]
        .into_iter()
        .filter(|measure| resources.holds(*measure))
        .find_map(|measure| {
            let newest =
                |task: &TaskSight<'_>| task.usage.newest.of(measure).unwrap_or(f64::INFINITY);
            let tasks = version.tasks.iter().copied();
            tasks
                .filter(|task| task.usage.whole_run.of(measure).is_some())
                .min_by(|one, other| newest(one).total_cmp(&newest(other)))
                .map(|task| (measure, task))
        })
}

/// Takes one of the scores.
pub(super) type Get = fn(&Scores) -> Option<f64>;

/// The scores that have a name of their own, the most telling first.
pub(super) const SCORES: [(&str, Get); 4] = [
    ("F1", |scores| scores.f1_score),
    ("accuracy", |scores| scores.accuracy),
    ("recall", |scores| scores.recall),
    ("precision", |scores| scores.precision),
];

/// The first of them that the version has.
pub(super) fn main_score(version: &VersionSight<'_>) -> Option<(&'static str, f64)> {
    let overall = &version.quality?.value.overall;
    SCORES.into_iter().find_map(|(name, value)| Some((name, value(overall)?)))
}

fn score(scores: &Scores, name: &str) -> Option<f64> {
    SCORES.into_iter().find(|(known, _)| *known == name).and_then(|(_, value)| value(scores))
}
