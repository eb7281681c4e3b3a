use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::{
    super::{
        job::Job,
        oddity::Oddity,
        runs::{Run, SECOND},
        story::Moment,
    },
    algorithm::{Algorithm, RoleTask},
    resource::Spec,
};

/// The two places a job is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator::v2) enum Form {
    List,
    Detail,
}

/// A job, in the list and by itself.
#[derive(Debug, Serialize)]
pub(in crate::simulator::v2) struct JobDocument<'a> {
    kind: &'static str,
    metadata: Metadata<'a>,
    status: Status<'a>,
    algorithm: Algorithm,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<RoleTask>,
    spec: Spec,
}

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    id: String,
    name: Cow<'a, str>,
    description: Option<&'a str>,
    create_time: i64,
    workspace_id: &'a str,
    user_name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Serialize)]
struct Status<'a> {
    phase: Cow<'static, str>,
    secondary_phase: Cow<'static, str>,
    duration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<StartTime>,
    node_count_metrics: Option<Vec<(i64, u64)>>,
    tasks: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    task_statuses: Vec<TaskStatus<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    running_records: Vec<RunningRecord<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum StartTime {
    At(i64),
    Null,
}

#[derive(Debug, Serialize)]
struct TaskStatus<'a> {
    task: &'a str,
    exit_code: i64,
    message: &'a str,
}

/// In seconds, where every other time is in milliseconds.
#[derive(Debug, Serialize)]
struct RunningRecord<'a> {
    start_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_at: Option<i64>,
    start_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_related_task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_recover: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_recover_before_downgrade: Option<&'static str>,
}

impl<'a> JobDocument<'a> {
    pub(in crate::simulator::v2) fn new(job: &'a Job, now: i64, form: Form, renamed: bool) -> Self {
        let moment = job.at(now);
        let hetero = job.is_hetero();
        let nulls = job.oddity == Oddity::NullTexts;
        Self {
            kind: job.kind(),
            metadata: Metadata {
                id: job.id.to_string(),
                name: if renamed {
                    format!("{}-renamed", job.name).into()
                } else {
                    job.name.as_str().into()
                },
                description: (!nulls).then_some(&job.description),
                create_time: job.created,
                workspace_id: job.workspace,
                user_name: if nulls { "" } else { job.user },
                annotations: annotations(job),
            },
            status: Status::new(job, moment, now, form),
            algorithm: Algorithm::new(job.oddity == Oddity::CustomImage),
            tasks: if hetero { job.roles.iter().map(RoleTask::new).collect() } else { Vec::new() },
            spec: Spec::new(job, now),
        }
    }
}

fn annotations(job: &Job) -> BTreeMap<&'static str, &'static str> {
    let retried = job.setbacks.iter().any(|setback| setback.recovery.is_some());
    let hetero = job.is_hetero().then_some(("job_template", "Template RL"));
    let retry = retried.then_some(("fault-tolerance/job-retry-num", "3"));
    hetero.into_iter().chain(retry).collect()
}

impl<'a> Status<'a> {
    fn new(job: &'a Job, moment: Moment, now: i64, form: Form) -> Self {
        let odd = job.oddity;
        let bare = form == Form::List && odd == Oddity::BareList;
        let waiting = moment.started.is_none();
        let tasks = || job.tasks(now).into_iter().map(|task| task.name).collect();
        let failure = job.failure(now).filter(|_| !bare);
        let runs = if bare { Vec::new() } else { job.runs(now) };
        Self {
            phase: moment.phase.first,
            secondary_phase: moment.phase.second,
            duration: moment.duration,
            start_time: match (moment.started, odd) {
                (None, Oddity::NoStartTime) => None,
                (None, Oddity::NullStartTime) => Some(StartTime::Null),
                // Before the start it is 0, as captured.
                (started, _) => Some(StartTime::At(started.unwrap_or(0))),
            },
            node_count_metrics: (odd != Oddity::NullNodeCounts)
                .then(|| job.node_counts(now))
                .flatten(),
            tasks: (odd != Oddity::NullTasks || !waiting).then(tasks),
            task_statuses: failure
                .map(|setback| TaskStatus {
                    task: &setback.task,
                    exit_code: setback.exit_code,
                    message: setback.message,
                })
                .into_iter()
                .collect(),
            running_records: runs
                .into_iter()
                .map(|run| RunningRecord::new(&run, odd == Oddity::ReversedRecords))
                .collect(),
        }
    }
}

/// How long before its start a run ends where it does.
const REVERSED_BY: i64 = 5752;

impl<'a> RunningRecord<'a> {
    fn new(run: &Run<'a>, reversed: bool) -> Self {
        let start_at = run.start / SECOND;
        let recovery = run.setback.and_then(|setback| setback.recovery);
        Self {
            start_at,
            end_at: run.end.map(|end| if reversed { start_at - REVERSED_BY } else { end / SECOND }),
            start_type: run.start_type,
            end_reason: run.end.map(|_| match run.setback {
                Some(setback) => format!("exit with {}", setback.exit_code),
                None if run.completed => "job completed".to_owned(),
                None => "job terminated".to_owned(),
            }),
            end_related_task: run.setback.map(|setback| setback.task.as_str()),
            end_recover: recovery.map(|recovery| recovery.by),
            end_recover_before_downgrade: recovery.and_then(|recovery| recovery.instead_of),
        }
    }
}
