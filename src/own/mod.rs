//! The exporter's own counters.
#![allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Token,
    List,
    Versions,
    Detail,
    Metrics,
    Metadata,
    Quota,
}
impl Operation {
    pub fn as_str(self) -> &'static str {
        "x"
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollResult {
    Success,
    Partial,
    Failed,
}
#[derive(Clone, Debug)]
pub struct Metrics;
#[derive(Clone, Debug)]
pub struct Project;
impl Metrics {
    pub fn new() -> Self {
        Self
    }
    pub fn project(&self, _name: &str) -> Project {
        Project
    }
}
impl Project {
    pub fn polled(&self, _r: PollResult, _s: f64) {}
    pub fn polls_missed(&self, _n: u64) {}
    pub fn poll_interval(&self, _s: f64) {}
    pub fn api_request(&self, _op: Operation, _code: Option<u16>, _s: f64) {}
    pub fn api_error(&self, _op: Operation, _r: &'static str) {}
    pub fn api_retry(&self, _op: Operation) {}
    pub fn api_throttled(&self) {}
    pub fn decode_error(&self, _f: &'static str, _r: &'static str) {}
    pub fn token_expiry(&self, _u: f64) {}
    pub fn series_dropped(&self, _r: &'static str, _n: f64) {}
    pub fn tls_verification_disabled(&self, _b: bool) {}
}
