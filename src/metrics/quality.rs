//! Model-quality families.

use crate::inventory::JobView;
use crate::inventory::outcomes::PreviousScores;
use crate::metrics::Settings;
use crate::metrics::catalogue::Out;
use crate::metrics::job::{each_version, key};
use crate::model::Scores;

/// An overall score.
pub(super) fn overall(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    score: impl Fn(&Scores) -> Option<f64>,
) {
    for version in &job.versions {
        if let Some(value) = version.quality.and_then(|quality| score(&quality.overall)) {
            out.sample(&key(job, version), value);
        }
    }
}

/// A score of the completed run before.
pub(super) fn previous(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    score: impl Fn(PreviousScores<'_>) -> Option<f64>,
) {
    each_version(job, out, |version| version.previous.and_then(&score));
}

/// A score of each class.
pub(super) fn each_class(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    score: impl Fn(&Scores) -> Option<f64>,
) {
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for class in version.quality.into_iter().flat_map(|quality| &quality.classes) {
            if let Some(value) = score(&class.scores) {
                let (id, name) = (("class_id", &*class.id), ("class_name", &*class.name));
                out.sample(&[project, job_id, job_name, label, id, name], value);
            }
        }
    }
}

pub(super) fn extra(job: &JobView<'_>, settings: &Settings, out: &mut Out<'_>) {
    if !settings.extra_model_metrics {
        return;
    }
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for (metric, value) in version.quality.into_iter().flat_map(|all| &all.overall.extra) {
            out.sample(&[project, job_id, job_name, label, ("metric", metric)], *value);
        }
    }
}

pub(super) fn class_extra(job: &JobView<'_>, settings: &Settings, out: &mut Out<'_>) {
    if !settings.extra_model_metrics {
        return;
    }
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for class in version.quality.into_iter().flat_map(|quality| &quality.classes) {
            let (id, name) = (("class_id", &*class.id), ("class_name", &*class.name));
            for (metric, value) in &class.scores.extra {
                let labels = [project, job_id, job_name, label, id, name, ("metric", metric)];
                out.sample(&labels, *value);
            }
        }
    }
}
