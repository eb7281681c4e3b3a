use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::identity::Refusals;

/// The kinds that requests are counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Token,
    List,
    Versions,
    Detail,
    Metrics,
    Quota,
    Metadata,
    Other,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Token,
        Self::List,
        Self::Versions,
        Self::Detail,
        Self::Metrics,
        Self::Quota,
        Self::Metadata,
        Self::Other,
    ];
}

/// The span that gateways count in.
const WINDOW: Duration = Duration::from_mins(1);

/// Arrivals that are remembered for the window; beyond it the oldest go, and the figure is a lower bound.
const MOST_ARRIVALS: usize = 1_000_000;

/// Counts of what came, control calls apart.
#[derive(Debug)]
pub(super) struct Requests {
    tallies: [Tally; Kind::ALL.len()],
    all: Tally,
    arrivals: VecDeque<(Instant, Kind)>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    in_flight: u64,
    most_in_flight: u64,
    in_window: u64,
    most_in_window: u64,
}

impl Tally {
    fn came(&mut self) {
        self.count += 1;
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        self.in_window += 1;
        self.most_in_window = self.most_in_window.max(self.in_window);
    }
}

/// The answer of `GET /-/simulator/requests`: each figure by kind and for all.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    requests: BTreeMap<&'static str, u64>,
    in_flight: BTreeMap<&'static str, u64>,
    max_in_flight: BTreeMap<&'static str, u64>,
    max_in_60s: BTreeMap<&'static str, u64>,
    /// Bytes of bodies sent.
    bytes: u64,
    credentials: Refusals,
}

impl Requests {
    /// Nothing came yet.
    pub(super) fn new() -> Self {
        Self {
            tallies: [Tally::default(); Kind::ALL.len()],
            all: Tally::default(),
            arrivals: VecDeque::new(),
            bytes: 0,
        }
    }

    /// A request came.
    pub(super) fn came(&mut self, kind: Kind) {
        let now = Instant::now();
        while let Some(&(at, old)) = self.arrivals.front()
            && (now.duration_since(at) >= WINDOW || self.arrivals.len() >= MOST_ARRIVALS)
        {
            self.arrivals.pop_front();
            self.tallies[old as usize].in_window -= 1;
            self.all.in_window -= 1;
        }
        self.arrivals.push_back((now, kind));
        self.tallies[kind as usize].came();
        self.all.came();
    }

    /// A request is over.
    pub(super) fn went(&mut self, kind: Kind) {
        // A reset may have come between.
        let tally = &mut self.tallies[kind as usize];
        tally.in_flight = tally.in_flight.saturating_sub(1);
        self.all.in_flight = self.all.in_flight.saturating_sub(1);
    }

    /// Bytes of a body went out.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Begins to count anew; what is in flight stays.
    pub(super) fn clear(&mut self) {
        for tally in self.tallies.iter_mut().chain([&mut self.all]) {
            let in_flight = tally.in_flight;
            *tally = Tally { in_flight, most_in_flight: in_flight, ..Tally::default() };
        }
        self.arrivals.clear();
        self.bytes = 0;
    }

    /// The figures, beside those of the credentials.
    pub(super) fn summary(&self, credentials: Refusals) -> Summary {
        let each = |figure: fn(&Tally) -> u64| {
            Kind::ALL
                .iter()
                .map(|kind| (kind.as_str(), figure(&self.tallies[*kind as usize])))
                .chain([("all", figure(&self.all))])
                .collect()
        };
        Summary {
            requests: each(|tally| tally.count),
            in_flight: each(|tally| tally.in_flight),
            max_in_flight: each(|tally| tally.most_in_flight),
            max_in_60s: each(|tally| tally.most_in_window),
            bytes: self.bytes,
            credentials,
        }
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List => "list",
            Self::Versions => "versions",
            Self::Detail => "detail",
            Self::Metrics => "metrics",
            Self::Quota => "quota",
            Self::Metadata => "metadata",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_most_of_any_minute_is_kept() {
        let mut requests = Requests::new();
        let mut figures = |kind: Kind, times: usize| {
            for _ in 0..times {
                requests.came(kind);
            }
            let all = requests.all;
            (requests.tallies[kind as usize].most_in_window, all.in_window, all.most_in_window)
        };
        assert_eq!(figures(Kind::List, 3), (3, 3, 3));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(figures(Kind::Versions, 2), (2, 5, 5));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(figures(Kind::List, 1), (3, 3, 5), "the first three are a minute old");
        tokio::time::advance(WINDOW).await;
        assert_eq!(figures(Kind::Versions, 6), (6, 6, 6));
        assert_eq!((requests.all.count, requests.all.most_in_flight), (12, 12));
    }
}
