use std::cmp::Ordering;

use crate::inventory::{JobView, VersionView};
use crate::model::{JobKey, VersionId};

/// What the series of a family are when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metrics) enum Part {
    /// The status of a version.
    Status,
    /// Whether polling the job works.
    Poll,
    /// Of the classes of a version.
    Classes,
    /// Scores beyond the known four.
    ExtraMetrics,
    /// Mean and maximum over the run.
    WholeRun,
    /// Everything else of a version.
    Other,
}

impl Part {
    pub(super) const ALL: [Self; 6] =
        [Self::Status, Self::Poll, Self::Classes, Self::ExtraMetrics, Self::WholeRun, Self::Other];
}

/// What gives way, one after the other. All but the last two give way as a whole, in every job; of those
/// one version after the other does, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The classes of versions that have ended.
    FinishedClasses,
    /// All other classes.
    Classes,
    /// The extra metrics of versions that have ended.
    FinishedExtraMetrics,
    /// All other extra metrics.
    ExtraMetrics,
    /// Mean and maximum of versions that have ended.
    FinishedWholeRun,
    /// Versions that have ended, by the time they ended.
    Finished,
    /// What is left of the others beside their status, by the time they were created.
    Unfinished,
}

/// Steps that are taken as a whole.
pub(super) const WHOLE_STEPS: usize = Step::Finished as usize;

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::FinishedClasses,
        Self::Classes,
        Self::FinishedExtraMetrics,
        Self::ExtraMetrics,
        Self::FinishedWholeRun,
        Self::Finished,
        Self::Unfinished,
    ];

    /// The label value of what gives way in this step.
    pub fn reason(self) -> &'static str {
        match self {
            Self::FinishedClasses | Self::Classes => "budget_classes",
            Self::FinishedExtraMetrics | Self::ExtraMetrics => "budget_extra_metrics",
            Self::FinishedWholeRun => "budget_mean_max",
            Self::Finished => "budget_finished",
            Self::Unfinished => "budget_unfinished",
        }
    }

    /// The step in which a part of a version gives way, if it ever does.
    pub(super) fn of(part: Part, is_finished: bool) -> Option<Self> {
        match (part, is_finished) {
            (Part::Classes, true) => Some(Self::FinishedClasses),
            (Part::Classes, false) => Some(Self::Classes),
            (Part::ExtraMetrics, true) => Some(Self::FinishedExtraMetrics),
            (Part::ExtraMetrics, false) => Some(Self::ExtraMetrics),
            (Part::WholeRun, true) => Some(Self::FinishedWholeRun),
            (Part::Status | Part::Poll | Part::Other, true) => Some(Self::Finished),
            (Part::WholeRun | Part::Other, false) => Some(Self::Unfinished),
            (Part::Status | Part::Poll, false) => None,
        }
    }
}

/// A version's turn among all versions: the first is the first to give way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) is_unfinished: bool,
    /// When it ended or was created, in the bits of a positive float, which sort like it.
    since: u64,
    pub(super) job: JobKey,
    version: VersionId,
}

impl Turn {
    pub(super) fn of(job: &JobKey, version: &VersionView<'_>) -> Self {
        let (is_unfinished, since) = age(version);
        let (job, version) = (job.clone(), version.version.version_id.clone());
        Self { is_unfinished, since, job, version }
    }

    /// Where this stands beside the turn of a version.
    fn cmp(&self, job: &JobView<'_>, version: &VersionView<'_>) -> Ordering {
        let (is_unfinished, since) = age(version);
        let names = (job.project, job.job_id, version.version.version_id.as_str());
        let mine = (&*self.job.project, self.job.job_id.as_str(), self.version.as_str());
        (self.is_unfinished, self.since, mine).cmp(&(is_unfinished, since, names))
    }
}

fn age(version: &VersionView<'_>) -> (bool, u64) {
    let since = version.finished.or(version.version.created).unwrap_or_default();
    (version.finished.is_none(), since.max(0.0).to_bits())
}

/// What there is room for, at present: everything by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// So many of the steps that are taken as a whole were taken.
    pub(super) steps: usize,
    /// Versions up to this turn gave way.
    pub(super) cut: Option<Turn>,
}

impl Room {
    /// Of each part, the job with what there is room for; `None` where that is everything.
    pub(in crate::metrics) fn of<'a>(
        &self,
        job: &JobView<'a>,
    ) -> Option<[JobView<'a>; Part::ALL.len()]> {
        if *self == Self::default() {
            return None;
        }
        let with = |part| {
            let mut shown = job.clone();
            shown.versions.retain(|version| self.shows(part, job, version));
            if shown.versions.is_empty() && !job.versions.is_empty() {
                // Of a job of which nothing else is shown there is nothing to tell.
                (shown.poll_success, shown.last_success) = (None, None);
            }
            shown
        };
        Some(Part::ALL.map(with))
    }

    fn shows(&self, part: Part, job: &JobView<'_>, version: &VersionView<'_>) -> bool {
        match Step::of(part, version.finished.is_some()) {
            None => true,
            Some(step) if (step as usize) < WHOLE_STEPS => self.steps <= step as usize,
            Some(_) => self.cut.as_ref().is_none_or(|cut| cut.cmp(job, version).is_lt()),
        }
    }
}
