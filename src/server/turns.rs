use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Large answers at once to those who keep asking: one keeps the network busy, and whoever asks
/// now and then finds a worker free.
const TURNS: usize = 1;

/// How long one turn lasts at most, so that a slow reader does not keep those behind it waiting.
const TURN_TIME: Duration = Duration::from_millis(100);

/// Lets those who ask again and again for large answers take turns. Writing a large answer is work
/// for as long as its reader keeps up: without turns, whoever asks now and then gets one part in as
/// many as are asking.
pub(super) struct Turns {
    free: Arc<Semaphore>,
}

/// A turn; given back when this is dropped, or when it has lasted long enough.
pub(super) struct Turn {
    _over: DropGuard,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(TURNS)) }
    }

    /// Waits for a turn, first come, first served.
    pub(super) async fn wait(&self) -> Option<Turn> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let over = CancellationToken::new();
        tokio::spawn(keep(permit, over.clone()));
        Some(Turn { _over: over.drop_guard() })
    }
}

async fn keep(permit: OwnedSemaphorePermit, over: CancellationToken) {
    let _ = timeout(TURN_TIME, over.cancelled()).await;
    drop(permit);
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_ends_with_the_answer_or_with_its_time() {
        let turns = Turns::new();
        let began = Instant::now();
        for _ in 0..10 {
            drop(turns.wait().await);
        }
        assert!(began.elapsed() < TURN_TIME);
        let slow = turns.wait().await;
        let next = turns.wait().await;
        assert!(began.elapsed() >= TURN_TIME && slow.is_some() && next.is_some());
    }
}
