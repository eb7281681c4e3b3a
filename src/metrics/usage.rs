//! Usage families: the newest minute, and mean and maximum of the run.

use crate::inventory::{JobView, TaskView};
use crate::metrics::Settings;
use crate::metrics::catalogue::Out;
use crate::metrics::job::key;
use crate::model::{MeanMax, Measure, Resources, Summary, TaskUsage};

/// Whether a version holds the hardware a family is about. The API sends zeros for what it does not.
type Holds = fn(&Resources) -> bool;

pub(super) fn always(_: &Resources) -> bool {
    true
}

/// Not known to hold none.
pub(super) fn gpus(resources: &Resources) -> bool {
    resources.holds(Measure::Gpu)
}

/// Not known to hold none.
pub(super) fn npus(resources: &Resources) -> bool {
    resources.holds(Measure::Npu)
}

fn each_task<'a>(
    job: &JobView<'a>,
    out: &mut Out<'_>,
    holds: Holds,
    is_shown: impl Fn(&TaskView<'a>) -> bool,
    value: impl Fn(&TaskUsage) -> Option<f64>,
) {
    for version in job.versions.iter().filter(|version| holds(&version.version.resources)) {
        let [project, job_id, job_name, label] = key(job, version);
        for task in version.tasks.iter().filter(|task| is_shown(task)) {
            if let Some(value) = value(task.usage) {
                out.sample(&[project, job_id, job_name, label, ("task", &task.usage.task)], value);
            }
        }
    }
}

/// A value of the newest minute.
pub(super) fn newest(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    holds: Holds,
    value: impl Fn(&TaskUsage) -> Option<f64>,
) {
    each_task(job, out, holds, |task| task.sampled.is_some(), value);
}

/// A value of the whole run.
pub(super) fn whole_run(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    holds: Holds,
    share: impl Fn(&Summary) -> Option<MeanMax>,
    value: impl Fn(MeanMax) -> f64,
) {
    let value = |task: &TaskUsage| share(&task.whole_run).map(&value);
    each_task(job, out, holds, |task| task.has_whole_run, value);
}

pub(super) fn last_sample(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for TaskView { usage, sampled, .. } in &version.tasks {
            if let Some(sampled) = sampled.filter(|_| usage.samples > 0) {
                out.sample(&[project, job_id, job_name, label, ("task", &usage.task)], sampled);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::inventory::VersionView;
    use crate::metrics::lines::{bare, lines_of};
    use crate::model::{Api, JobId, State, UsageSample, Version, VersionId};

    /// The names of the families that have samples.
    fn shown(resources: Resources) -> BTreeSet<String> {
        let share = Some(MeanMax { mean: 0.0, max: 0.0 });
        let task = TaskUsage {
            samples: 1,
            newest: UsageSample {
                cpu: Some(0.5),
                gpu: Some(0.0),
                npu: Some(0.0),
                ..UsageSample::default()
            },
            whole_run: Summary { cpu: share, gpu: share, npu: share, ..Summary::default() },
            ..TaskUsage::default()
        };
        let state = State::from_v1(8);
        let version = Version {
            job_name: "job".to_owned(),
            resources,
            ..Version::unknown(Api::V1, JobId::from(1), VersionId::from(1), state)
        };
        let tasks = vec![TaskView { usage: &task, sampled: Some(0.0), has_whole_run: true }];
        let lines = lines_of(VersionView { tasks, ..bare(&version) }, |_| true);
        lines.lines().filter_map(|line| Some(line.split_once('{')?.0.to_owned())).collect()
    }

    #[test]
    fn hardware_that_is_known_not_to_be_there_has_no_usage() {
        const GPU: [&str; 3] = [
            "modelarts_job_gpu_utilization_ratio",
            "modelarts_job_gpu_utilization_mean_ratio",
            "modelarts_job_gpu_utilization_max_ratio",
        ];
        let unknown = shown(Resources::default());
        assert!(GPU.iter().all(|name| unknown.contains(*name)), "{unknown:?}");
        assert!(unknown.contains("modelarts_job_npu_utilization_ratio"));
        let none = shown(Resources { gpus: Some(0.0), npus: Some(0.0), ..Resources::default() });
        assert!(GPU.iter().all(|name| !none.contains(*name)), "{none:?}");
        assert!(none.iter().all(|name| !name.contains("npu_")));
        assert!(none.contains("modelarts_job_cpu_usage_ratio"));
        let some = shown(Resources { gpus: Some(2.0), npus: Some(0.0), ..Resources::default() });
        assert!(
            GPU.iter().all(|name| some.contains(*name)),
            "an idle GPU is the sample that matters"
        );
    }
}
