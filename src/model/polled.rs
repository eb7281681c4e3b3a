/// How a poll of one job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Everything that was wanted came.
    Success,
    /// Some of it came.
    Partial,
    /// Nothing came.
    Failed,
    /// The cloud no longer knows the job.
    Gone,
}
