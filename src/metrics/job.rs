//! Job families: status, times, resources, and whether polling works.

use crate::inventory::{JobView, VersionView};
use crate::metrics::catalogue::Out;
use crate::metrics::{InfoLabel, Settings};
use crate::model::Status;

/// The key labels of a version.
pub(super) fn key<'a>(
    job: &JobView<'a>,
    version: &VersionView<'a>,
) -> [(&'static str, &'a str); 4] {
    [
        ("project", job.project),
        ("job_id", job.job_id),
        ("job_name", &version.version.job_name),
        ("version", version.label),
    ]
}

/// A value of each version.
pub(super) fn each_version(
    job: &JobView<'_>,
    out: &mut Out<'_>,
    value: impl Fn(&VersionView<'_>) -> Option<f64>,
) {
    for version in &job.versions {
        if let Some(value) = value(version) {
            out.sample(&key(job, version), value);
        }
    }
}

pub(super) fn info(job: &JobView<'_>, settings: &Settings, out: &mut Out<'_>) {
    for view in &job.versions {
        let version = view.version;
        let facts = &version.facts;
        let mut labels = Vec::with_capacity(17);
        labels.extend(key(job, view));
        labels.extend([
            ("version_id", version.version_id.as_str()),
            ("api", version.api.as_str()),
            ("kind", &facts.kind),
            ("engine_name", &facts.engine_name),
            ("engine_version", &facts.engine_version),
            ("flavor", &facts.flavor),
            ("gpu_type", &facts.gpu_type),
            ("npu_type", &facts.npu_type),
            ("pool_name", &facts.pool_name),
        ]);
        labels.extend(settings.info_labels.iter().map(|label| {
            let value = match label {
                InfoLabel::UserName => &facts.user_name,
                InfoLabel::JobDesc => &facts.job_desc,
                InfoLabel::WorkspaceId => &facts.workspace_id,
                InfoLabel::PoolId => &facts.pool_id,
            };
            (label.as_str(), value.as_str())
        }));
        out.sample(&labels, 1.0);
    }
}

pub(super) fn status(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    for version in &job.versions {
        let [project, job_id, job_name, label] = key(job, version);
        for status in Status::ALL {
            let labels = [project, job_id, job_name, label, ("status", status.as_str())];
            out.sample(&labels, f64::from(u8::from(version.version.state.status == status)));
        }
    }
}

pub(super) fn poll_success(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    if let Some(success) = job.poll_success {
        let labels = [("project", job.project), ("job_id", job.job_id)];
        out.sample(&labels, f64::from(u8::from(success)));
    }
}

pub(super) fn poll_last_success(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    if let Some(at) = job.last_success {
        out.sample(&[("project", job.project), ("job_id", job.job_id)], at);
    }
}
