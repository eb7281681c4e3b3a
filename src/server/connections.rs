use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Reason};

/// Connections at once; one more ends another. Thousands of scrapers never ask at the same moment,
/// and each connection may hold a socket buffer of a few MB.
pub(super) const MAX_CONNECTIONS: usize = 512;

/// Where every connection is being answered, the one that takes longer than this makes room. It is
/// the time a scrape may take by Prometheus' own default.
const ANSWER_GRACE: Duration = Duration::from_secs(10);

/// How often overdue connections are looked for: no timeout here is finer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Every connection that is open, what it does and since when.
pub(super) struct Connections {
    open: Mutex<Open>,
    /// Ends them all.
    abandon: CancellationToken,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: BTreeMap<u64, Arc<Connection>>,
}

/// A connection's place; the connection leaves when this is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl Connections {
    /// None yet; `abandon` ends all there will be.
    pub(super) fn new(abandon: CancellationToken) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), abandon })
    }

    /// Takes in one more. At the cap the longest idle one makes room, or one that has been answered
    /// for longer than a scrape may take; `None` where there is no such one.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.lock();
        if open.connections.len() >= MAX_CONNECTIONS && !open.make_room() {
            return None;
        }
        let id = open.next;
        open.next += 1;
        let connection = Arc::new(Connection::new(self.abandon.child_token()));
        open.connections.insert(id, Arc::clone(&connection));
        Some(Place { connections: Arc::clone(self), id, connection })
    }

    /// Ends so many as [`Connections::enter`] would at the cap, or as there are.
    pub(super) fn make_room(&self, places: usize) {
        let mut open = self.lock();
        for _ in 0..places {
            open.make_room();
        }
    }

    /// Ends whatever is overdue, again and again.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            for connection in self.lock().connections.values() {
                if let Some(reason) = connection.overdue(now) {
                    connection.end(reason);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Whether one was ended.
    fn make_room(&mut self) -> bool {
        let ended = self.most_dispensable().and_then(|id| self.connections.remove(&id));
        if let Some(connection) = &ended {
            connection.end(Reason::Room);
        }
        ended.is_some()
    }

    /// The one that has been without an answer for longest; where all are being answered, the one
    /// that takes longest, if it takes too long.
    fn most_dispensable(&self) -> Option<u64> {
        let standings = self.connections.iter().map(|(id, each)| (each.standing(), *id));
        let ((answering, since), id) = standings.min()?;
        (!answering || since.elapsed() > ANSWER_GRACE).then_some(id)
    }
}

impl Deref for Place {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().connections.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::server::connection::{
        ANSWER_TIMEOUT, Answering, HANDSHAKE_TIMEOUT, HEAD_TIMEOUT, HURRY, IDLE_TIMEOUT,
    };

    fn connections() -> Arc<Connections> {
        let connections = Connections::new(CancellationToken::new());
        tokio::spawn(Arc::clone(&connections).watch());
        connections
    }

    fn idle(connections: &Arc<Connections>) -> Place {
        let place = connections.enter().unwrap();
        place.handshake_over();
        place
    }

    /// How long it lasts from here on.
    async fn lasts(place: &Place) -> Duration {
        let began = Instant::now();
        timeout(IDLE_TIMEOUT * 2, place.ended()).await.unwrap();
        began.elapsed()
    }

    async fn assert_lasts(place: &Place, about: Duration) {
        let lasted = lasts(place).await;
        assert!(lasted >= about && lasted <= about + LOOK_EVERY, "{lasted:?}, not {about:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_time() {
        let connections = connections();
        assert_lasts(&connections.enter().unwrap(), HANDSHAKE_TIMEOUT).await;
        assert_lasts(&idle(&connections), IDLE_TIMEOUT).await;

        let drips = idle(&connections);
        sleep(IDLE_TIMEOUT / 2).await;
        drips.received();
        sleep(HEAD_TIMEOUT / 2).await;
        drips.received();
        assert_lasts(&drips, HEAD_TIMEOUT / 2).await;

        let reads_nothing = idle(&connections);
        reads_nothing.received();
        let answering = reads_nothing.answering();
        assert_lasts(&reads_nothing, ANSWER_TIMEOUT).await;
        drop(answering);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_of_several_answers_counts() {
        let connections = connections();
        let several = idle(&connections);
        let first = several.answering();
        sleep(ANSWER_TIMEOUT / 2).await;
        let second = several.answering();
        drop(first);
        assert_lasts(&several, ANSWER_TIMEOUT).await;
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_between_requests_begins_with_the_end_of_an_answer() {
        let connections = connections();
        let keeps_asking = idle(&connections);
        for _ in 0..10 {
            sleep(IDLE_TIMEOUT.mul_f64(0.9)).await;
            keeps_asking.received();
            let answering = keeps_asking.answering();
            sleep(ANSWER_TIMEOUT.mul_f64(0.9)).await;
            drop(answering);
        }
        assert_lasts(&keeps_asking, IDLE_TIMEOUT).await;

        let ahead = idle(&connections);
        let answering = ahead.answering();
        ahead.received();
        drop(answering);
        assert_lasts(&ahead, HEAD_TIMEOUT).await;
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_hurry_is_who_has_just_taken_a_large_answer() {
        let connections = connections();
        let scraper = idle(&connections);
        drop(scraper.answering());
        assert!(!scraper.is_in_a_hurry());
        let mut large = scraper.answering();
        large.is_large();
        sleep(HURRY).await;
        assert!(!scraper.is_in_a_hurry(), "the answer is still being taken");
        drop(large);
        assert!(scraper.is_in_a_hurry());
        sleep(HURRY).await;
        assert!(!scraper.is_in_a_hurry());
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_takes_the_place_of_the_longest_idle() {
        let connections = connections();
        let mut places = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            places.push(idle(&connections));
            sleep(Duration::from_millis(1)).await;
        }
        let answering = places[0].answering();
        drop(places[1].answering());
        places[2].received();
        let newest = idle(&connections);
        let ended = |place: &Place| place.ended().now_or_never().is_some();
        let gone: Vec<usize> = (0..MAX_CONNECTIONS).filter(|at| ended(&places[*at])).collect();
        assert_eq!(gone, [3], "answering, was answered and sends a request: all later than this");
        assert!(!ended(&newest));
        drop(answering);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_being_answered_one_more_is_refused_unless_an_answer_takes_too_long() {
        let connections = connections();
        let places: Vec<Place> = (0..MAX_CONNECTIONS).map(|_| idle(&connections)).collect();
        let answers: Vec<Answering> = places.iter().map(|place| place.answering()).collect();
        assert!(connections.enter().is_none());
        sleep(ANSWER_GRACE * 2).await;
        assert!(connections.enter().is_some());
        drop(answers);
        drop(places);
        assert!(connections.lock().connections.is_empty());
    }
}
