//! Usage families: the newest minute, and mean and maximum of the run.

use crate::inventory::{JobView, UsageNow, VersionView};
use crate::metrics::Settings;
use crate::metrics::catalogue::Out;
use crate::metrics::job::key;
use crate::model::{MeanMax, Summary, TaskUsage, Usage};

fn each_task<'a>(
    job: &JobView<'a>,
    out: &mut Out<'_>,
    usage: impl Fn(&VersionView<'a>) -> Option<&'a Usage>,
    value: impl Fn(&TaskUsage) -> Option<f64>,
) {
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for task in usage(version).into_iter().flat_map(|usage| &usage.tasks) {
            if let Some(value) = value(task) {
                out.sample(&[project, job_id, job_name, label, ("task", &task.task)], value);
            }
        }
    }
}

/// A value of the newest minute.
pub(super) fn newest(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    value: impl Fn(&TaskUsage) -> Option<f64>,
) {
    each_task(job, out, |version| version.usage_now.map(|now| now.usage), value);
}

/// A value of the whole run.
pub(super) fn whole_run(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    share: impl Fn(&Summary) -> Option<MeanMax>,
    value: impl Fn(MeanMax) -> f64,
) {
    each_task(job, out, |version| version.whole_run, |task| share(&task.whole_run).map(&value));
}

pub(super) fn last_sample(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    for version in &job.versions {
        let Some(UsageNow { usage, last_sample }) = version.usage_now else { continue };
        let [project, job_id, job_name, label] = key(job, version);
        for task in usage.tasks.iter().filter(|task| task.samples > 0) {
            out.sample(&[project, job_id, job_name, label, ("task", &task.task)], last_sample);
        }
    }
}
