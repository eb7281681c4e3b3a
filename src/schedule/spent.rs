use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Parts into which the last minute is cut: what went out longer ago than that is forgotten with its part.
const PARTS: usize = 12;

/// How long one of them is.
const PART: Duration = Duration::from_secs(60 / PARTS as u64);

/// How many requests went out within the last minute, to five seconds.
#[derive(Debug)]
pub(super) struct Spent {
    start: Instant,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    /// The number of the newest part since the start.
    newest: u64,
    counts: [u32; PARTS],
}

impl Spent {
    /// None.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), parts: Mutex::default() }
    }

    /// One goes out now.
    pub(super) fn count(&self) {
        self.with(|parts| {
            let newest = place(parts.newest);
            parts.counts[newest] += 1;
        });
    }

    /// How many there were.
    pub(super) fn in_last_minute(&self) -> u32 {
        self.with(|parts| parts.counts.iter().sum())
    }

    /// The parts of the minute that ends now.
    fn with<T>(&self, look: impl FnOnce(&mut Parts) -> T) -> T {
        // The counts are whole between any two statements.
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.start.elapsed().as_secs() / PART.as_secs();
        let past = now.saturating_sub(parts.newest).min(PARTS as u64);
        for ago in 0..past {
            parts.counts[place(now - ago)] = 0;
        }
        parts.newest = now;
        look(&mut parts)
    }
}

/// Where a part has its count.
#[expect(clippy::cast_possible_truncation, reason = "less than PARTS")]
fn place(part: u64) -> usize {
    (part % PARTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_a_minute_ago_counts_no_more() {
        let spent = Spent::new();
        for _ in 0..12 {
            spent.count();
            spent.count();
            advance(PART).await;
        }
        assert_eq!(spent.in_last_minute(), 22, "the first part has just gone");
        advance(PART * 5).await;
        assert_eq!(spent.in_last_minute(), 12);
        spent.count();
        assert_eq!(spent.in_last_minute(), 13);
        advance(Duration::from_hours(1)).await;
        assert_eq!(spent.in_last_minute(), 0);
    }
}
