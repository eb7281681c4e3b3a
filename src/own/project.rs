use std::sync::{Arc, OnceLock};

use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry};

use super::entries::{self, names};
use super::{Contradiction, Operation, PollResult, code_text};

/// The counters of one project. Clones share them.
#[derive(Clone)]
pub struct Project {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    polls: [IntCounter; PollResult::ALL.len()],
    polls_missed: IntCounter,
    poll_duration: Histogram,
    poll_interval: GaugeVec,
    list_interval: GaugeVec,
    api_requests: IntCounterVec,
    api_duration: HistogramVec,
    api_errors: IntCounterVec,
    api_retries: IntCounterVec,
    /// Shown from the first use on: a project speaks only some of the operations.
    operations: [OnceLock<Operated>; Operation::ALL.len()],
    api_throttled: IntCounter,
    decode_errors: IntCounterVec,
    contradictions: [IntCounter; Contradiction::ALL.len()],
    token_expiry: GaugeVec,
    series_dropped: GaugeVec,
    tls_verification_disabled: Gauge,
}

/// What is counted of one operation whatever becomes of the request.
struct Operated {
    duration: Histogram,
    retries: IntCounter,
}

impl Project {
    /// At 0, and shown to nobody yet: see [`Metrics::show`](super::Metrics::show).
    pub fn new(name: &str) -> Self {
        let registry = Registry::new();
        let counters = |family| entries::counters(&registry, family, Some(name));
        let gauges = |family| entries::gauges(&registry, family, Some(name));
        let durations = |family| entries::durations(&registry, family, name);
        let polls = counters(names::POLLS);
        let contradictions = counters(names::CONTRADICTIONS);
        let inner = Inner {
            polls: PollResult::ALL.map(|result| polls.with_label_values(&[result.as_str()])),
            polls_missed: counters(names::POLLS_MISSED).with_label_values::<&str>(&[]),
            poll_duration: durations(names::POLL_DURATION).with_label_values::<&str>(&[]),
            poll_interval: gauges(names::POLL_INTERVAL),
            list_interval: gauges(names::LIST_INTERVAL),
            api_requests: counters(names::API_REQUESTS),
            api_duration: durations(names::API_DURATION),
            api_errors: counters(names::API_ERRORS),
            api_retries: counters(names::API_RETRIES),
            operations: Default::default(),
            api_throttled: counters(names::API_THROTTLED).with_label_values::<&str>(&[]),
            decode_errors: counters(names::DECODE_ERRORS),
            contradictions: Contradiction::ALL
                .map(|kind| contradictions.with_label_values(&[kind.as_str()])),
            token_expiry: gauges(names::TOKEN_EXPIRY),
            series_dropped: gauges(names::SERIES_DROPPED),
            tls_verification_disabled: gauges(names::TLS_VERIFICATION_DISABLED)
                .with_label_values::<&str>(&[]),
            registry,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A poll of one job ended after so many seconds.
    pub fn polled(&self, result: PollResult, seconds: f64) {
        self.inner.polls[result as usize].inc();
        self.inner.poll_duration.observe(seconds);
    }

    /// So many polls fell due while the one before was still running.
    pub fn polls_missed(&self, count: u64) {
        self.inner.polls_missed.inc_by(count);
    }

    /// The effective interval, in seconds.
    pub fn poll_interval(&self, seconds: f64) {
        self.inner.poll_interval.with_label_values::<&str>(&[]).set(seconds);
    }

    /// The effective interval of the list of jobs, in seconds.
    pub fn list_interval(&self, seconds: f64) {
        self.inner.list_interval.with_label_values::<&str>(&[]).set(seconds);
    }

    /// A request ended after so many seconds; `code` is `None` where no answer came.
    pub fn api_request(&self, operation: Operation, code: Option<u16>, seconds: f64) {
        let code = code.map(code_text);
        let code = code.as_deref().unwrap_or("none");
        self.inner.api_requests.with_label_values(&[operation.as_str(), code]).inc();
        self.operated(operation).duration.observe(seconds);
    }

    /// A request gave nothing usable; `reason` is of a closed set.
    pub fn api_error(&self, operation: Operation, reason: &'static str) {
        self.inner.api_errors.with_label_values(&[operation.as_str(), reason]).inc();
    }

    /// A request is sent once more.
    pub fn api_retry(&self, operation: Operation) {
        self.operated(operation).retries.inc();
    }

    /// The cloud asked for fewer requests.
    pub fn api_throttled(&self) {
        self.inner.api_throttled.inc();
    }

    /// A value could not be read; both labels are of closed sets, never off the wire.
    pub fn decode_error(&self, field: &'static str, reason: &'static str) {
        self.inner.decode_errors.with_label_values(&[field, reason]).inc();
    }

    /// Something contradicted what was seen before, so many times.
    pub fn contradicted(&self, kind: Contradiction, times: u64) {
        self.inner.contradictions[kind as usize].inc_by(times);
    }

    /// When the credentials in use end, in Unix seconds.
    pub fn token_expiry(&self, unix: f64) {
        self.inner.token_expiry.with_label_values::<&str>(&[]).set(unix);
    }

    /// How many series are left out at present for this reason.
    pub fn series_dropped(&self, reason: &'static str, count: f64) {
        self.inner.series_dropped.with_label_values(&[reason]).set(count);
    }

    /// Whether any certificate of the cloud is accepted.
    pub fn tls_verification_disabled(&self, disabled: bool) {
        self.inner.tls_verification_disabled.set(f64::from(u8::from(disabled)));
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    fn operated(&self, operation: Operation) -> &Operated {
        self.inner.operations[operation as usize].get_or_init(|| Operated {
            duration: self.inner.api_duration.with_label_values(&[operation.as_str()]),
            retries: self.inner.api_retries.with_label_values(&[operation.as_str()]),
        })
    }
}
