//! Bounds the memory of all answers together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers up to this part of the cap need no turn.
const SMALL_PART: usize = 16;

/// What one permit of the pool stands for. A semaphore counts at most 2^29 permits or so on small
/// machines; pages keep far below.
const PAGE_BYTES: usize = 4096;

/// The memory all answers of the process share: never more than four times the cap of one.
///
/// Small answers draw what they hold from a pool as large as the cap. An answer that outgrows a
/// sixteenth of the cap, or finds the pool empty, waits for its turn: one at a time may hold up to
/// the cap, and as much again while a document inside a string is unescaped. Nobody who holds a turn
/// waits for anything but the network, and that has a deadline, so this cannot lock up.
#[derive(Debug)]
pub struct AnswerMemory {
    cap: usize,
    pool: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl AnswerMemory {
    /// `cap`: the largest answer, in bytes.
    pub fn new(cap: usize) -> Self {
        let pages = (cap / PAGE_BYTES).max(1);
        Self {
            cap,
            pool: Arc::new(Semaphore::new(pages.min(Semaphore::MAX_PERMITS))),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The right of one answer, which holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { memory: Arc::clone(self), small: None, large: None }
    }
}

/// What one answer may hold; given back on drop.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<AnswerMemory>,
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Waits until `bytes` in all may be held.
    pub(crate) async fn grow_to(&mut self, bytes: usize) {
        if self.large.is_some() {
            return;
        }
        if bytes <= self.memory.cap / SMALL_PART {
            let held = self.small.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let Some(more) = bytes.div_ceil(PAGE_BYTES).checked_sub(held).filter(|&more| more > 0)
            else {
                return;
            };
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            if let Ok(permit) = Arc::clone(&self.memory.pool).try_acquire_many_owned(more) {
                match &mut self.small {
                    Some(small) => small.merge(permit),
                    None => self.small = Some(permit),
                }
                return;
            }
        }
        // The semaphore is never closed, so an error cannot come; without a permit we go on unbounded.
        self.large = Arc::clone(&self.memory.turn).acquire_owned().await.ok();
    }

    /// Whether decoding is long enough to be kept off the threads that serve the network.
    pub(crate) fn is_large(&self) -> bool {
        self.large.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_large_answer_at_a_time_beside_the_small_ones() {
        let memory = Arc::new(AnswerMemory::new(1 << 20));
        let (mut first, mut second, mut small) = (memory.share(), memory.share(), memory.share());
        first.grow_to(1 << 20).await;
        assert!(first.is_large());
        small.grow_to(60_000).await;
        assert!(!small.is_large());
        let turn = tokio::time::timeout(std::time::Duration::from_secs(1), second.grow_to(70_000));
        assert!(turn.await.is_err(), "a second large answer waits");
        drop(first);
        second.grow_to(70_000).await;
        assert!(second.is_large());
    }

    #[tokio::test(start_paused = true)]
    async fn small_answers_together_hold_the_cap_at_most() {
        let memory = Arc::new(AnswerMemory::new(1 << 20));
        let mut shares: Vec<_> = (0..17).map(|_| memory.share()).collect();
        for share in &mut shares {
            share.grow_to(1 << 16).await;
        }
        assert_eq!(shares.iter().filter(|share| share.is_large()).count(), 1);
        drop(shares);
        assert_eq!(memory.pool.available_permits(), 256);
    }
}
