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

/// Nodes at work; what was the last number of a run that has ended says nothing of now.
pub(super) fn nodes(view: &VersionView<'_>) -> Option<f64> {
    view.version.execution.nodes.filter(|_| !view.version.state.terminal)
}

pub(super) fn failure(job: &JobView<'_>, _: &Settings, out: &mut Out<'_>) {
    for view in job.versions.iter().filter(|view| view.version.state.has_failed()) {
        if let Some(failure) = view.version.execution.failure {
            let [project, job_id, job_name, label] = key(job, view);
            out.sample(&[project, job_id, job_name, label, ("reason", failure.as_str())], 1.0);
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

#[cfg(test)]
mod tests {
    use crate::metrics::lines::{bare, lines_of};
    use crate::model::{Api, Execution, Failure, JobId, State, Version, VersionId};

    /// The lines of what v2 alone tells, of a job in this phase.
    fn execution(phase: &str) -> String {
        let state = State::from_v2(phase);
        let version = Version {
            job_name: "train".to_owned(),
            execution: Execution {
                tasks: vec!["worker-0".to_owned()],
                dropped_tasks: 0,
                nodes: Some(2.0),
                restarts: Some(0),
                failure: Some(Failure::Killed),
            },
            ..Version::unknown(Api::V2, JobId::from("3faf"), VersionId::from(""), state)
        };
        let told =
            ["modelarts_job_nodes{", "modelarts_job_restarts{", "modelarts_job_failure_info{"];
        lines_of(bare(&version), |line| told.iter().any(|name| line.starts_with(name)))
    }

    #[test]
    fn nodes_are_those_of_now_and_a_reason_is_that_of_a_failure() {
        insta::assert_snapshot!(execution("Running"), @r#"
        modelarts_job_nodes{project="p",job_id="3faf",job_name="train",version=""} 2
        modelarts_job_restarts{project="p",job_id="3faf",job_name="train",version=""} 0
        "#);
        insta::assert_snapshot!(execution("Abnormal"), @r#"
        modelarts_job_restarts{project="p",job_id="3faf",job_name="train",version=""} 0
        modelarts_job_failure_info{project="p",job_id="3faf",job_name="train",version="",reason="killed"} 1
        "#);
        assert_eq!(execution("Failed"), execution("Abnormal"));
        assert!(!execution("Completed").contains("failure_info"));
    }
}
