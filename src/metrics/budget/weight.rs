use super::room::{Part, Step, Turn, WHOLE_STEPS};
use crate::inventory::JobView;
use crate::metrics::catalogue::{Out, ROWS};
use crate::metrics::{FamilyIndex, Settings, Sink};
use crate::model::JobKey;

/// How many series a job would have if there were room for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// What gives way with all of its kind.
    pub(super) steps: [usize; WHOLE_STEPS],
    /// What gives way with each version.
    pub(super) versions: Vec<(Turn, usize)>,
    /// What never gives way.
    pub(super) exempt: usize,
    /// What `limits.classes_per_version` kept back beside all that.
    pub(super) classes_kept_back: usize,
    /// What `limits.extra_metrics_per_version` kept back.
    pub(super) extra_metrics_kept_back: usize,
    /// Tasks whose usage `limits.tasks_per_version` has nobody ask for.
    pub(super) tasks_kept_back: usize,
}

impl Weight {
    pub(super) fn of(key: &JobKey, job: &JobView<'_>, settings: &Settings) -> Self {
        let mut weight = Self::default();
        let mut alone = JobView { versions: Vec::new(), ..job.clone() };
        let polls = Counts::of(&alone, settings).0[Part::Poll as usize];
        (alone.poll_success, alone.last_success) = (None, None);
        for version in &job.versions {
            alone.versions = vec![version.clone()];
            let counts = Counts::of(&alone, settings);
            let mut by_turn = 0;
            for part in Part::ALL {
                let count = counts.0[part as usize];
                match Step::of(part, version.finished.is_some()) {
                    None => weight.exempt += count,
                    Some(step) if (step as usize) < WHOLE_STEPS => {
                        weight.steps[step as usize] += count;
                    }
                    Some(_) => by_turn += count,
                }
            }
            weight.versions.push((Turn::of(key, version), by_turn));
        }
        for quality in job.versions.iter().filter_map(|version| version.quality) {
            let classes = quality.classes.iter().map(|class| &class.scores);
            let scores = classes.chain([&quality.overall]);
            weight.classes_kept_back += quality.dropped_class_series;
            weight.extra_metrics_kept_back +=
                scores.map(|scores| scores.dropped_extra).sum::<usize>();
        }
        let asked_for = job.versions.iter().filter(|version| version.version.has_usage());
        weight.tasks_kept_back =
            asked_for.map(|version| version.version.execution.dropped_tasks).sum();
        weight.versions.sort();
        match weight.versions.last_mut() {
            // They stay for as long as anything of the job does.
            Some((turn, by_turn)) if !turn.is_unfinished => *by_turn += polls,
            _ => weight.exempt += polls,
        }
        weight
    }
}

/// Samples of each part.
#[derive(Default)]
struct Counts([usize; Part::ALL.len()]);

impl Counts {
    fn of(job: &JobView<'_>, settings: &Settings) -> Self {
        let mut counts = Self::default();
        for (family, row) in ROWS.iter().enumerate() {
            (row.samples)(job, settings, &mut Out { sink: &mut counts, family });
        }
        counts
    }
}

impl Sink for Counts {
    fn sample(&mut self, family: FamilyIndex, _: &[(&'static str, &str)], _: f64) {
        self.0[ROWS[family].part as usize] += 1;
    }
}
