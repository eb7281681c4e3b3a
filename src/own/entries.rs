use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry,
};

use super::{Family, Kind};

/// Upper bounds of a request or a poll in seconds: from a near endpoint's answer to the longest
/// timeout anyone configures.
const SECONDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

macro_rules! entries {
    ($($constant:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        /// Every family the exporter tells about itself, in the order in which they are written.
        pub const FAMILIES: &[Family] = &[$(Family {
            name: $name,
            kind: Kind::$kind,
            help: $help,
            labels: &[$($label),*],
        }),*];

        /// The names, so that no other file spells one.
        pub mod names {
            $(#[doc = $help]
            pub const $constant: &str = $name;)*
        }
    };
}

entries! {
    BUILD_INFO Info "modelarts_exporter_build_info" ["version", "revision", "branch", "rustc"]
        "What this binary was built from";
    SHARDS Gauge "modelarts_exporter_shards" []
        "Processes that the jobs are divided among, from shard.total; each of them has to be scraped";
    POLLS Counter "modelarts_exporter_polls_total" ["project", "result"]
        "Polls of single jobs that ended";
    POLLS_MISSED Counter "modelarts_exporter_polls_missed_total" ["project"]
        "Polls that fell due while the one before was still running";
    POLL_DURATION Histogram "modelarts_exporter_poll_duration_seconds" ["project"]
        "How long polls of single jobs took, every request included";
    POLL_INTERVAL Gauge "modelarts_exporter_poll_interval_seconds" ["project"]
        "Time between two polls of one job that runs, as stretched by the request budget";
    LIST_INTERVAL Gauge "modelarts_exporter_list_interval_seconds" ["project"]
        "Time between two lists of the jobs, as stretched by the request budget";
    API_REQUESTS Counter "modelarts_exporter_api_requests_total" ["project", "operation", "code"]
        "Requests to the cloud by HTTP status; code none means that no answer came";
    API_DURATION Histogram "modelarts_exporter_api_request_duration_seconds" ["project", "operation"]
        "How long requests to the cloud took, body included";
    API_ERRORS Counter "modelarts_exporter_api_errors_total" ["project", "operation", "reason"]
        "Requests to the cloud that gave nothing usable";
    API_RETRIES Counter "modelarts_exporter_api_retries_total" ["project", "operation"]
        "Requests to the cloud that were sent once more";
    API_THROTTLED Counter "modelarts_exporter_api_throttled_total" ["project"]
        "Answers of the cloud that asked for fewer requests";
    DECODE_ERRORS Counter "modelarts_exporter_decode_errors_total" ["project", "field", "reason"]
        "Values in the cloud's answers that could not be read and were left out";
    CONTRADICTIONS Counter "modelarts_exporter_contradictions_total" ["project", "reason"]
        "Times that something was seen which cannot be true beside what was seen before";
    TOKEN_EXPIRY Gauge "modelarts_exporter_token_expiry_timestamp_seconds" ["project"]
        "When the credentials in use end";
    SERIES Gauge "modelarts_exporter_series" []
        "Series in the published snapshot of the cloud's families";
    SERIES_LIMIT Gauge "modelarts_exporter_series_limit" []
        "Series that the published snapshot may have, from limits.series";
    SERIES_OVER_LIMIT Gauge "modelarts_exporter_series_over_limit" []
        "Series of the published snapshot above that, because what is left never gives way";
    SERIES_DROPPED Gauge "modelarts_exporter_series_dropped" ["project", "reason"]
        "What is left out of the published snapshot: tasks, names without an outcome, and series for every other reason";
    SNAPSHOT_TIMESTAMP Gauge "modelarts_exporter_snapshot_timestamp_seconds" []
        "When the snapshot of the cloud's families was published";
    EXPOSITION_BYTES Gauge "modelarts_exporter_exposition_bytes" []
        "Size of the published snapshot as uncompressed text";
    ENCODINGS Counter "modelarts_exporter_encodings_total" ["format", "encoding"]
        "Encodings of the exposition that were made; scrapes in between share them";
    TLS_VERIFICATION_DISABLED Gauge "modelarts_exporter_tls_verification_disabled" ["project"]
        "Whether the configuration accepts any certificate of the cloud (1) or not (0)";
    STATE_WRITE_FAILURES Counter "modelarts_exporter_state_write_failures_total" []
        "Times the state file could not be written; new outcomes are not shown until it can";
    STATE_SET_ASIDE Gauge "modelarts_exporter_state_set_aside" ["reason"]
        "Whether a state file was found at the start that was damaged or newer and set aside (1) or not (0)";
    RELOAD_SUCCESSFUL Gauge "modelarts_exporter_config_last_reload_successful" []
        "Whether the last attempt to load the configuration succeeded (1) or not (0)";
    RELOAD_TIMESTAMP Gauge "modelarts_exporter_config_last_reload_success_timestamp_seconds" []
        "When the configuration in use was loaded";
    HTTP_REQUESTS Counter "modelarts_exporter_http_requests_total" ["handler", "code"]
        "HTTP requests answered by this exporter";
    PROCESS_CPU Counter "process_cpu_seconds_total" []
        "Total user and system CPU time spent in seconds";
    PROCESS_OPEN_FDS Gauge "process_open_fds" []
        "Number of open file descriptors";
    PROCESS_MAX_FDS Gauge "process_max_fds" []
        "Maximum number of open file descriptors";
    PROCESS_VIRTUAL Gauge "process_virtual_memory_bytes" []
        "Virtual memory size in bytes";
    PROCESS_RESIDENT Gauge "process_resident_memory_bytes" []
        "Resident memory size in bytes";
    PROCESS_START Gauge "process_start_time_seconds" []
        "Start time of the process since unix epoch in seconds";
    PROCESS_THREADS Gauge "process_threads" []
        "Number of operating system threads in the process";
}

/// The label that a project's own registry puts on everything in it.
const PROJECT: &str = "project";

/// Registers a counter family; with a project, for that project alone.
pub(super) fn counters(
    registry: &Registry,
    name: &'static str,
    project: Option<&str>,
) -> IntCounterVec {
    let (opts, labels) = opts(name, project);
    registered(registry, IntCounterVec::new(opts, &labels))
}

/// Registers a gauge family; with a project, for that project alone.
pub(super) fn gauges(registry: &Registry, name: &'static str, project: Option<&str>) -> GaugeVec {
    let (opts, labels) = opts(name, project);
    registered(registry, GaugeVec::new(opts, &labels))
}

/// Registers a family of durations for one project.
pub(super) fn durations(registry: &Registry, name: &'static str, project: &str) -> HistogramVec {
    let (opts, labels) = opts(name, Some(project));
    let opts = HistogramOpts { common_opts: opts, buckets: SECONDS.to_vec() };
    registered(registry, HistogramVec::new(opts, &labels))
}

/// Registers a counter of fractions, without labels.
pub(super) fn fraction_counter(registry: &Registry, name: &'static str) -> Counter {
    registered(registry, Counter::with_opts(opts(name, None).0))
}

/// Registers a gauge without labels.
pub(super) fn gauge(registry: &Registry, name: &'static str) -> Gauge {
    registered(registry, Gauge::with_opts(opts(name, None).0))
}

fn opts(name: &'static str, project: Option<&str>) -> (Opts, Vec<&'static str>) {
    let family =
        FAMILIES.iter().find(|family| family.name == name).expect("every name is in the table");
    let opts = Opts::new(family.name, family.help);
    match project {
        Some(project) => {
            let labels = family.labels.iter().copied().filter(|label| *label != PROJECT).collect();
            (opts.const_label(PROJECT, project), labels)
        }
        None => (opts, family.labels.to_vec()),
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> C {
    let family = made.expect("the names and labels of the table are valid");
    registry.register(Box::new(family.clone())).expect("the table names each family once");
    family
}
