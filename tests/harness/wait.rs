use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than any state of our own takes to come about on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at a state: short beside every deadline, long beside the cost of a look.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Looks until the probe answers `Ok`, and panics with the last `Err` when the time is over.
///
/// The probe reports a level ("two jobs so far"), not an event, so that nothing can be missed between
/// two looks.
pub(crate) async fn wait_for<T>(
    within: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(last) if Instant::now() >= deadline => {
                panic!("waited {within:?} for {what}; the last look saw: {last}")
            }
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}
