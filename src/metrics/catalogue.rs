//! Every family of the cloud's values, in the order of the exposition.

use crate::inventory::JobView;
use crate::metrics::budget::Part;
use crate::metrics::family::{Family, FamilyIndex, Kind, Sink};
use crate::metrics::outcome::{self, Named};
use crate::metrics::{Settings, job, quality, usage};

/// A family and the function that makes its samples.
pub(super) struct Row {
    pub(super) family: Family,
    /// What it is when there are too many series.
    pub(super) part: Part,
    /// Of a job.
    pub(super) samples: Samples,
    /// Of a name that outcomes are kept under.
    pub(super) name_samples: NameSamples,
}

/// Makes the samples of one family.
type Samples = fn(&JobView<'_>, &Settings, &mut Out<'_>);

/// Makes the samples of one family of outcomes.
type NameSamples = fn(&Named<'_>, &mut Out<'_>);

/// Where the samples of one family go.
pub(super) struct Out<'a> {
    pub(super) sink: &'a mut dyn Sink,
    pub(super) family: FamilyIndex,
}

impl Out<'_> {
    pub(super) fn sample(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.sink.sample(self.family, labels, value);
    }
}

/// The key of the outcomes of a name.
const NAME_LABELS: &[&str] = &["project", "job_name"];
/// The key of a version's own series.
const JOB_LABELS: &[&str] = &["project", "job_id", "job_name", "version"];
/// A task of a version; v1 has one without a name.
const TASK_LABELS: &[&str] = &["project", "job_id", "job_name", "version", "task"];
const CLASS_LABELS: &[&str] =
    &["project", "job_id", "job_name", "version", "class_id", "class_name"];
/// `metrics.info_labels` adds to them.
const INFO_LABELS: &[&str] = &[
    "project",
    "job_id",
    "job_name",
    "version",
    "version_id",
    "api",
    "kind",
    "engine_name",
    "engine_version",
    "flavor",
    "gpu_type",
    "npu_type",
    "pool_name",
];

const FAILURE_LABELS: &[&str] = &["project", "job_id", "job_name", "version", "reason"];
const QUOTA_LABELS: &[&str] = &["project", "resource"];

/// `modelarts_up` stands first and is a project's, not a job's.
pub const UP: FamilyIndex = 0;

/// `modelarts_runs_total` is a project's too.
pub(super) const RUNS: FamilyIndex = 1;

/// And so are the quotas.
pub(super) const QUOTA_USED: FamilyIndex = 2;

/// See [`QUOTA_USED`].
pub(super) const QUOTA_LIMIT: FamilyIndex = 3;

fn no_samples(_: &JobView<'_>, _: &Settings, _: &mut Out<'_>) {}

fn no_name_samples(_: &Named<'_>, _: &mut Out<'_>) {}

const fn row(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    samples: Samples,
    help: &'static str,
) -> Row {
    let family = Family { name, kind, help, labels };
    Row { family, part: Part::Other, samples, name_samples: no_name_samples }
}

const fn name_row(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    name_samples: NameSamples,
    help: &'static str,
) -> Row {
    let family = Family { name, kind, help, labels };
    Row { family, part: Part::Other, samples: no_samples, name_samples }
}

impl Row {
    const fn is(self, part: Part) -> Self {
        Self { part, ..self }
    }
}

/// The catalogue. A family's place here is its [`FamilyIndex`].
pub(super) static ROWS: &[Row] = &[
    row(
        "modelarts_up",
        Kind::Gauge,
        &["project"],
        no_samples,
        "Whether any ModelArts call of the project gave a valid answer within the last poll interval, or a shard has nothing to ask for but a list that is refused; from the first scrape on",
    ),
    row(
        "modelarts_runs_total",
        Kind::Counter,
        &["project", "outcome"],
        no_samples,
        "Runs of the project that ended since this exporter first watched it, each once",
    ),
    row(
        "modelarts_quota_used",
        Kind::Gauge,
        QUOTA_LABELS,
        no_samples,
        "How much of what the cloud grants the project of a resource is in use; v2 alone, where the region tells",
    ),
    row(
        "modelarts_quota_limit",
        Kind::Gauge,
        QUOTA_LABELS,
        no_samples,
        "How much the cloud grants the project of a resource; v2 alone, where the region tells",
    ),
    row(
        "modelarts_job_info",
        Kind::Info,
        INFO_LABELS,
        job::info,
        "Always 1; what the version is made of, from its document in the cloud",
    ),
    row(
        "modelarts_job_status",
        Kind::Gauge,
        &["project", "job_id", "job_name", "version", "status"],
        job::status,
        "1 for the present status of the version, 0 for every other; from status of the last answer",
    )
    .is(Part::Status),
    row(
        "modelarts_job_status_code",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.state.code.map(|code| code as f64)),
        "The raw status code of the v1 API",
    ),
    row(
        "modelarts_job_status_changed_timestamp_seconds",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| Some(v.status_changed)),
        "When this exporter first saw the present status, Unix time",
    ),
    row(
        "modelarts_job_version_rank",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| Some(v.rank as f64)),
        "Place of the version among the versions of its job, 0 is the newest",
    ),
    row(
        "modelarts_job_created_timestamp_seconds",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.created),
        "When the version was created, Unix time; from create_time",
    ),
    row(
        "modelarts_job_started_timestamp_seconds",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.started),
        "When the version began to run, Unix time; absent before that; from start_time",
    ),
    row(
        "modelarts_job_finished_timestamp_seconds",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.finished),
        "When the version ended, Unix time, estimated: start plus duration; where it never started the time it was first seen ended, or the create time if it had ended by first sight",
    ),
    row(
        "modelarts_job_duration_seconds",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.duration),
        "How long the version has been running; from duration",
    ),
    row(
        "modelarts_job_workers",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.resources.workers),
        "Nodes the version asked for; from worker_server_num",
    ),
    row(
        "modelarts_job_nodes",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, job::nodes),
        "Nodes that work for the job now, until it ends; v2 alone; from node_count_metrics",
    ),
    row(
        "modelarts_job_gpus",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.resources.gpus),
        "GPUs the whole version asked for, all nodes together; from gpu_num",
    ),
    row(
        "modelarts_job_npus",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.resources.npus),
        "NPUs the whole version asked for, all nodes together; from npu_num",
    ),
    row(
        "modelarts_job_cpu_cores",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.resources.cpu_cores),
        "CPU cores the whole version asked for, all nodes together; from core",
    ),
    row(
        "modelarts_job_memory_bytes",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| job::each_version(job, out, |v| v.version.resources.memory_bytes),
        "Memory the whole version asked for, all nodes together; from cpu, which is its gigabytes",
    ),
    row(
        "modelarts_job_restarts",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| {
            job::each_version(job, out, |v| v.version.execution.restarts.map(|times| times as f64));
        },
        "How often the job was started again after its first start; v2 alone; from running_records",
    ),
    row(
        "modelarts_job_failure_info",
        Kind::Info,
        FAILURE_LABELS,
        job::failure,
        "1 once the job has failed, with the class of the reason; v2 alone; from exit codes and phases",
    ),
    row(
        "modelarts_job_cpu_usage_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.cpu),
        "CPU in use, 0 to 1, newest valid minute, only while running; from cpuUsage",
    ),
    row(
        "modelarts_job_memory_usage_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.memory),
        "Memory in use, 0 to 1, newest valid minute, only while running; from memUsage",
    ),
    row(
        "modelarts_job_gpu_utilization_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::gpus, |task| task.newest.gpu),
        "GPU in use, 0 to 1, newest valid minute, only while running; from gpuUtil",
    ),
    row(
        "modelarts_job_gpu_memory_usage_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::gpus, |task| task.newest.gpu_memory),
        "GPU memory in use, 0 to 1, newest valid minute, only while running; from gpuMemUsage",
    ),
    row(
        "modelarts_job_npu_utilization_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::npus, |task| task.newest.npu),
        "NPU in use, 0 to 1, newest valid minute, only while running; from npuUtil",
    ),
    row(
        "modelarts_job_npu_memory_usage_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::npus, |task| task.newest.npu_memory),
        "NPU memory in use, 0 to 1, newest valid minute, only while running; from npuMemUsage",
    ),
    row(
        "modelarts_job_network_receive_bytes_per_second",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.network_receive),
        "Network traffic received, newest valid minute, only while running; from recvBytesRate, whose unit the cloud does not document",
    ),
    row(
        "modelarts_job_network_transmit_bytes_per_second",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.network_transmit),
        "Network traffic sent, newest valid minute, only while running; from sendBytesRate, whose unit the cloud does not document",
    ),
    row(
        "modelarts_job_disk_read_rate",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.disk_read),
        "Disk reads, newest valid minute, only while running; from diskReadRate, whose unit the cloud does not document",
    ),
    row(
        "modelarts_job_disk_write_rate",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| task.newest.disk_write),
        "Disk writes, newest valid minute, only while running; from diskWriteRate, whose unit the cloud does not document",
    ),
    row(
        "modelarts_job_usage_samples",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::newest(job, out, usage::always, |task| Some(task.samples as f64)),
        "Valid minutes of usage so far, only while running; padding is not counted",
    ),
    row(
        "modelarts_job_usage_last_sample_timestamp_seconds",
        Kind::Gauge,
        TASK_LABELS,
        usage::last_sample,
        "When this exporter saw the newest minute of usage arrive, Unix time, only while running",
    ),
    row(
        "modelarts_job_cpu_usage_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::always, |run| run.cpu, |share| share.mean),
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from cpuUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_cpu_usage_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::always, |run| run.cpu, |share| share.max),
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from cpuUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_memory_usage_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::always, |run| run.memory, |share| share.mean);
        },
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from memUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_memory_usage_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::always, |run| run.memory, |share| share.max);
        },
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from memUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_gpu_utilization_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::gpus, |run| run.gpu, |share| share.mean),
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from gpuUtil",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_gpu_utilization_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::gpus, |run| run.gpu, |share| share.max),
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from gpuUtil",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_gpu_memory_usage_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::gpus, |run| run.gpu_memory, |share| share.mean);
        },
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from gpuMemUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_gpu_memory_usage_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::gpus, |run| run.gpu_memory, |share| share.max);
        },
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from gpuMemUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_npu_utilization_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::npus, |run| run.npu, |share| share.mean),
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from npuUtil",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_npu_utilization_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| usage::whole_run(job, out, usage::npus, |run| run.npu, |share| share.max),
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from npuUtil",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_npu_memory_usage_mean_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::npus, |run| run.npu_memory, |share| share.mean);
        },
        "Mean over the valid minutes of the whole run, 0 to 1, kept after its end; from npuMemUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_job_npu_memory_usage_max_ratio",
        Kind::Gauge,
        TASK_LABELS,
        |job, _, out| {
            usage::whole_run(job, out, usage::npus, |run| run.npu_memory, |share| share.max);
        },
        "Maximum over the valid minutes of the whole run, 0 to 1, kept after its end; from npuMemUsage",
    )
    .is(Part::WholeRun),
    row(
        "modelarts_model_recall",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::overall(job, out, |scores| scores.recall),
        "Overall recall as the training code reported it, not bounded by 1; from total_metric_values",
    ),
    row(
        "modelarts_model_precision",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::overall(job, out, |scores| scores.precision),
        "Overall precision as the training code reported it, not bounded by 1; from total_metric_values",
    ),
    row(
        "modelarts_model_accuracy",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::overall(job, out, |scores| scores.accuracy),
        "Overall accuracy as the training code reported it, not bounded by 1; from total_metric_values",
    ),
    row(
        "modelarts_model_f1_score",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::overall(job, out, |scores| scores.f1_score),
        "Overall F1 score as the training code reported it, not bounded by 1; from total_metric_values",
    ),
    row(
        "modelarts_model_previous_recall",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.overall.recall),
        "Overall recall of the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_precision",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.overall.precision),
        "Overall precision of the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_accuracy",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.overall.accuracy),
        "Overall accuracy of the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_f1_score",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.overall.f1_score),
        "Overall F1 score of the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_worst_class_recall",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.worst_class.recall),
        "Lowest recall that any class had in the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_worst_class_precision",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.worst_class.precision),
        "Lowest precision that any class had in the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_worst_class_accuracy",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.worst_class.accuracy),
        "Lowest accuracy that any class had in the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_previous_worst_class_f1_score",
        Kind::Gauge,
        JOB_LABELS,
        |job, _, out| quality::previous(job, out, |before| before.worst_class.f1_score),
        "Lowest F1 score that any class had in the completed run of the same outcome name before this version, under this version's labels",
    ),
    row(
        "modelarts_model_class_recall",
        Kind::Gauge,
        CLASS_LABELS,
        |job, _, out| quality::each_class(job, out, |scores| scores.recall),
        "Recall of one class as the training code reported it, not bounded by 1; from metric_values",
    )
    .is(Part::Classes),
    row(
        "modelarts_model_class_precision",
        Kind::Gauge,
        CLASS_LABELS,
        |job, _, out| quality::each_class(job, out, |scores| scores.precision),
        "Precision of one class as the training code reported it, not bounded by 1; from metric_values",
    )
    .is(Part::Classes),
    row(
        "modelarts_model_class_accuracy",
        Kind::Gauge,
        CLASS_LABELS,
        |job, _, out| quality::each_class(job, out, |scores| scores.accuracy),
        "Accuracy of one class as the training code reported it, not bounded by 1; from metric_values",
    )
    .is(Part::Classes),
    row(
        "modelarts_model_class_f1_score",
        Kind::Gauge,
        CLASS_LABELS,
        |job, _, out| quality::each_class(job, out, |scores| scores.f1_score),
        "F1 score of one class as the training code reported it, not bounded by 1; from metric_values",
    )
    .is(Part::Classes),
    row(
        "modelarts_model_metric",
        Kind::Gauge,
        &["project", "job_id", "job_name", "version", "metric"],
        quality::extra,
        "Any other overall number the training code reported, by its key; only with metrics.extra_model_metrics",
    )
    .is(Part::ExtraMetrics),
    row(
        "modelarts_model_class_metric",
        Kind::Gauge,
        &["project", "job_id", "job_name", "version", "class_id", "class_name", "metric"],
        quality::class_extra,
        "Any other number of one class the training code reported, by its key; only with metrics.extra_model_metrics",
    )
    .is(Part::Classes),
    name_row(
        "modelarts_job_last_outcome",
        Kind::Gauge,
        &["project", "job_name", "outcome"],
        outcome::last_outcome,
        "1 for how the run of this name that ended last ended, 0 for every other outcome; absent before any ended",
    ),
    name_row(
        "modelarts_job_last_completed_timestamp_seconds",
        Kind::Gauge,
        NAME_LABELS,
        |name, out| outcome::value(name, out, |view| view.last_completed),
        "When a run of this name last completed, Unix time, estimated as modelarts_job_finished_timestamp_seconds",
    ),
    name_row(
        "modelarts_job_last_failed_timestamp_seconds",
        Kind::Gauge,
        NAME_LABELS,
        |name, out| outcome::value(name, out, |view| view.last_failed),
        "When a run of this name last failed, Unix time, estimated as modelarts_job_finished_timestamp_seconds",
    ),
    name_row(
        "modelarts_job_consecutive_failures",
        Kind::Gauge,
        NAME_LABELS,
        |name, out| outcome::value(name, out, |view| Some(view.consecutive_failures as f64)),
        "Runs of this name that failed since one last completed; terminated runs change nothing",
    ),
    name_row(
        "modelarts_job_runs_total",
        Kind::Counter,
        &["project", "job_name", "outcome"],
        outcome::runs,
        "Runs of this name that ended since this exporter first saw the name, each once",
    ),
    name_row(
        "modelarts_job_last_run_info",
        Kind::Info,
        &["project", "job_name", "job_id", "version", "outcome"],
        outcome::last_run,
        "Always 1; the run of this name that ended last",
    ),
    row(
        "modelarts_job_poll_success",
        Kind::Gauge,
        &["project", "job_id"],
        job::poll_success,
        "Whether the last poll of the job brought everything",
    )
    .is(Part::Poll),
    row(
        "modelarts_job_poll_last_success_timestamp_seconds",
        Kind::Gauge,
        &["project", "job_id"],
        job::poll_last_success,
        "When a poll of the job last brought everything, or the list told all there is to ask, which moves it once in poll.max_staleness or in ten minutes, whichever is less, Unix time",
    )
    .is(Part::Poll),
];

/// The families of the catalogue, by [`FamilyIndex`].
pub static FAMILIES: &[Family] = &{
    const EMPTY: Family = Family { name: "", kind: Kind::Gauge, help: "", labels: &[] };
    let mut families = [EMPTY; ROWS.len()];
    let mut at = 0;
    while at < ROWS.len() {
        families[at] = ROWS[at].family;
        at += 1;
    }
    families
};
