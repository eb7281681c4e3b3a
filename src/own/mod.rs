//! The exporter's own counters.
//!
//! What the exporter says about itself changes as things happen and lives as long as the process or
//! the project it belongs to, so it is counted by the `prometheus` crate; the cloud's families are
//! rendered anew from what is known. Every family is one row of `FAMILIES`, from which both the
//! registration and the documents come. Each project counts in a registry of its own: a project
//! that leaves the configuration takes all its series along.

mod build;
mod entries;
mod family;
mod labels;
mod process;
mod project;
mod reading;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Registry};

pub use build::BuildInfo;
pub use entries::{FAMILIES, names};
pub use family::{Family, Kind};
pub use labels::{Contradiction, Operation, PollResult, Reason};
pub use project::Project;
pub use reading::{Reading, Series, Value};

use process::Process;

/// The counters of the whole process, and the door to those of each project. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    projects: Mutex<BTreeMap<Arc<str>, Project>>,
    process: Process,
    shards: Gauge,
    series: Gauge,
    series_limit: Gauge,
    series_over_limit: Gauge,
    snapshot_timestamp: GaugeVec,
    exposition_bytes: Gauge,
    encodings: IntCounterVec,
    http_requests: IntCounterVec,
    state_write_failures: IntCounter,
    state_set_aside: GaugeVec,
    reload_successful: GaugeVec,
    reload_timestamp: GaugeVec,
}

impl Metrics {
    /// All counters at their start.
    pub fn new() -> Self {
        let registry = Registry::new();
        entries::gauges(&registry, names::BUILD_INFO, None)
            .with_label_values(&[
                BuildInfo::CURRENT.version,
                BuildInfo::CURRENT.revision,
                BuildInfo::CURRENT.branch,
                BuildInfo::CURRENT.rustc,
            ])
            .set(1.0);
        let gauge = |name| entries::gauge(&registry, name);
        let inner = Inner {
            projects: Mutex::default(),
            process: Process::new(&registry),
            shards: gauge(names::SHARDS),
            series: gauge(names::SERIES),
            series_limit: gauge(names::SERIES_LIMIT),
            series_over_limit: gauge(names::SERIES_OVER_LIMIT),
            snapshot_timestamp: entries::gauges(&registry, names::SNAPSHOT_TIMESTAMP, None),
            exposition_bytes: gauge(names::EXPOSITION_BYTES),
            encodings: entries::counters(&registry, names::ENCODINGS, None),
            http_requests: entries::counters(&registry, names::HTTP_REQUESTS, None),
            state_write_failures: entries::counters(&registry, names::STATE_WRITE_FAILURES, None)
                .with_label_values::<&str>(&[]),
            state_set_aside: entries::gauges(&registry, names::STATE_SET_ASIDE, None),
            reload_successful: entries::gauges(&registry, names::RELOAD_SUCCESSFUL, None),
            reload_timestamp: entries::gauges(&registry, names::RELOAD_TIMESTAMP, None),
            registry,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The counters of one project, at 0 where their labels are known beforehand.
    ///
    /// The same name gives the same counters until it is [forgotten](Self::forget).
    pub fn project(&self, name: &str) -> Project {
        let mut projects = self.projects();
        if let Some(project) = projects.get(name) {
            return project.clone();
        }
        let project = Project::new(name);
        projects.insert(name.into(), project.clone());
        project
    }

    /// The counters of a project that is being counted.
    pub fn known_project(&self, name: &str) -> Option<Project> {
        self.projects().get(name).cloned()
    }

    /// Shows a project's counters, in the place of earlier ones of that name.
    pub fn show(&self, name: &str, project: Project) {
        self.projects().insert(name.into(), project);
    }

    /// Stops showing a project that left the configuration.
    pub fn forget(&self, name: &str) {
        self.projects().remove(name);
    }

    /// Into how many parts the jobs are divided.
    pub fn shards(&self, total: u32) {
        self.inner.shards.set(f64::from(total));
    }

    /// Series of the published snapshot.
    pub fn series(&self, count: usize) {
        self.inner.series.set(count as f64);
    }

    /// How many series the snapshot may have, and how many it has above that.
    pub fn series_limit(&self, limit: usize, over: usize) {
        self.inner.series_limit.set(limit as f64);
        self.inner.series_over_limit.set(over as f64);
    }

    /// When the snapshot was published, in Unix seconds.
    pub fn snapshot_timestamp(&self, unix: f64) {
        self.inner.snapshot_timestamp.with_label_values::<&str>(&[]).set(unix);
    }

    /// Bytes of the published snapshot, uncompressed.
    pub fn exposition_bytes(&self, bytes: u64) {
        self.inner.exposition_bytes.set(bytes as f64);
    }

    /// One encoding of the exposition was made.
    pub fn encoding(&self, format: &'static str, encoding: &'static str) {
        self.inner.encodings.with_label_values(&[format, encoding]).inc();
    }

    /// One HTTP request was answered. `handler` is of a closed set, never a path off the wire.
    pub fn http_request(&self, handler: &'static str, code: u16) {
        self.inner.http_requests.with_label_values(&[handler, code_text(code).as_str()]).inc();
    }

    /// The state file could not be written.
    pub fn state_write_failed(&self) {
        self.inner.state_write_failures.inc();
    }

    /// Whether a state file was set aside for this reason, which is of a closed set.
    pub fn state_set_aside(&self, reason: &'static str, was: bool) {
        self.inner.state_set_aside.with_label_values(&[reason]).set(f64::from(u8::from(was)));
    }

    /// A configuration was taken into use at this Unix time.
    pub fn config_loaded(&self, unix: f64) {
        self.inner.reload_successful.with_label_values::<&str>(&[]).set(1.0);
        self.inner.reload_timestamp.with_label_values::<&str>(&[]).set(unix);
    }

    /// A configuration was refused; the one before stays in use.
    pub fn config_refused(&self) {
        self.inner.reload_successful.with_label_values::<&str>(&[]).set(0.0);
    }

    /// Everything counted so far, in the order of [`FAMILIES`]; families without series are left out.
    pub fn read(&self) -> Vec<Reading> {
        self.inner.process.refresh();
        let projects: Vec<Project> = self.projects().values().cloned().collect();
        let mut families = self.inner.registry.gather();
        families.extend(projects.iter().flat_map(|project| project.registry().gather()));
        reading::in_order(&families)
    }

    fn projects(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Project>> {
        // The map is whole between any two statements, so a panic elsewhere leaves nothing half done.
        self.inner.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A status code as label text.
fn code_text(code: u16) -> String {
    code.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(metrics: &Metrics) -> Vec<&'static str> {
        metrics.read().iter().map(|reading| reading.family.name).collect()
    }

    #[test]
    fn readings_come_in_table_order_and_only_with_series() {
        let metrics = Metrics::new();
        assert!(!names(&metrics).contains(&names::POLLS));
        metrics.project("vision");
        let seen = names(&metrics);
        assert!(seen.contains(&names::POLLS));
        let table: Vec<_> =
            FAMILIES.iter().map(|family| family.name).filter(|name| seen.contains(name)).collect();
        assert_eq!(seen, table);
    }

    #[test]
    fn what_became_of_the_state_file_is_told() {
        let metrics = Metrics::new();
        let failures = |metrics: &Metrics| {
            let readings = metrics.read();
            let family = readings.iter().find(|r| r.family.name == names::STATE_WRITE_FAILURES);
            family.unwrap().series[0].value.clone()
        };
        assert_eq!(
            failures(&metrics),
            Value::Number(0.0),
            "an increase has something to start from"
        );
        assert!(!names(&metrics).contains(&names::STATE_SET_ASIDE), "there may be no state file");
        metrics.state_write_failed();
        metrics.state_set_aside("damaged", true);
        assert_eq!(failures(&metrics), Value::Number(1.0));
        assert!(names(&metrics).contains(&names::STATE_SET_ASIDE));
    }

    #[test]
    fn a_forgotten_project_takes_all_its_series_along() {
        let metrics = Metrics::new();
        metrics.project("a").api_throttled();
        metrics.project("b").api_error(Operation::List, "timeout");
        metrics.forget("b");
        for reading in metrics.read() {
            for series in &reading.series {
                assert!(!series.labels.contains(&("project", "b".into())), "{reading:?}");
            }
        }
        assert!(metrics.known_project("a").is_some() && metrics.known_project("b").is_none());
    }
}
