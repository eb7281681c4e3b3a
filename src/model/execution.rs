use crate::model::Failure;

/// How a run is carried out, which v2 alone tells: v1 leaves all of it empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    /// `worker-0`, …: what usage can be asked for, at most as many as the limits allow.
    pub tasks: Vec<String>,
    /// Tasks beyond the limit.
    pub dropped_tasks: usize,
    /// Nodes that work for it now.
    pub nodes: Option<f64>,
    /// How often it was started again after its first start.
    pub restarts: Option<u64>,
    /// Why it failed; `None` while it has not.
    pub failure: Option<Failure>,
}

impl Execution {
    /// Nothing in it tells why the run failed.
    pub fn is_unexplained(&self) -> bool {
        matches!(self.failure, None | Some(Failure::Unknown))
    }
}
