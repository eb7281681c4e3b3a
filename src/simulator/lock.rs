use std::time::Duration;

use tokio::time::Instant;

/// What happens to a name under which wrong secrets are tried: after too many in a row nothing opens it
/// for a while, the right secret neither.
#[derive(Debug)]
pub(super) struct Lock {
    most: u32,
    lasts: Duration,
    wrong: u32,
    until: Option<Instant>,
}

impl Lock {
    /// Closes with the `most`th wrong secret in a row.
    pub(super) fn new(most: u32, lasts: Duration) -> Self {
        Self { most, lasts, wrong: 0, until: None }
    }

    /// It is closed now.
    pub(super) fn is_closed(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// A wrong secret was tried while it was open.
    pub(super) fn wrong(&mut self) {
        if self.until.take().is_some() {
            self.wrong = 0;
        }
        self.wrong += 1;
        if self.wrong >= self.most {
            self.until = Some(Instant::now() + self.lasts);
        }
    }

    /// The right secret came while it was open.
    pub(super) fn right(&mut self) {
        self.wrong = 0;
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_closes_for_its_time_and_counts_anew_afterwards() {
        let mut lock = Lock::new(3, Duration::from_mins(5));
        for _ in 0..2 {
            lock.wrong();
        }
        lock.right();
        for _ in 0..2 {
            lock.wrong();
        }
        assert!(!lock.is_closed(), "the right one came between");
        lock.wrong();
        tokio::time::advance(Duration::from_secs(299)).await;
        assert!(lock.is_closed());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!lock.is_closed());
        lock.wrong();
        assert!(!lock.is_closed(), "one wrong secret after the lock is one");
    }
}
