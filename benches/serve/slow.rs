//! The peers that render for every scrape. One run of each case: a factor of a hundred needs no median.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client;
use crate::load::{Case, Encoding};
use crate::server::{Run, Server};
use crate::size::CONNECTIONS;

/// What a peer may hold: the machines this runs on have 8 GB and more.
const MOST_RSS: u64 = 6_000_000_000;

/// How often that is looked at; Python takes about 100 MB a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the first scrape may take, the reading of the values before it included.
const FIRST: Duration = Duration::from_mins(2);

/// Scrapes that have to fit into a run; a peer with fewer is scraped one by one.
const SCRAPES_A_RUN: u32 = 5;

/// Scrapes that are timed one by one: the middle of three.
const ONE_BY_ONE: usize = 3;

/// What came out.
pub(crate) struct Slow {
    pub(crate) name: &'static str,
    pub(crate) runs: Vec<(Case, Run)>,
    /// Bytes.
    pub(crate) peak_rss: u64,
    /// Why there is not more.
    pub(crate) skipped: Option<String>,
}

/// Measures a peer after `load` gave it its values; gives up on one that takes too much.
pub(crate) async fn measure(
    name: &'static str,
    server: Server,
    load: impl Future<Output = anyhow::Result<()>>,
    run: Duration,
) -> anyhow::Result<Slow> {
    let mut runs = Vec::new();
    let work = async {
        let first = async {
            load.await?;
            client::time(&server.url, Encoding::Identity).await
        };
        let Ok(first) = timeout(FIRST, first).await else {
            return Ok(Some(format!("no answer within {} s", FIRST.as_secs())));
        };
        first?;
        for encoding in [Encoding::Identity, Encoding::Gzip] {
            of_encoding(&server, encoding, run, &mut runs).await?;
        }
        anyhow::Ok(None)
    };
    let skipped = tokio::select! {
        done = work => done.context(name)?,
        reason = too_large(&server) => Some(reason?),
    };
    Ok(Slow { name, runs, peak_rss: server.peak_rss()?, skipped })
}

async fn of_encoding(
    server: &Server,
    encoding: Encoding,
    length: Duration,
    runs: &mut Vec<(Case, Run)>,
) -> anyhow::Result<()> {
    let one = client::time(&server.url, encoding).await?;
    for connections in CONNECTIONS {
        let case = Case { encoding, connections };
        // Each connection should see the end of two.
        let scrapes = SCRAPES_A_RUN.max(2 * u32::try_from(connections)?);
        if one * scrapes <= length {
            runs.push((case, server.run(case, length).await?));
        } else if connections == 1 {
            runs.push((case, server.one_by_one(encoding, ONE_BY_ONE).await?));
        }
    }
    Ok(())
}

/// Ends when the server holds too much.
async fn too_large(server: &Server) -> anyhow::Result<String> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if server.rss()? > MOST_RSS {
            return Ok(format!("more than {} GB of memory", MOST_RSS / 1_000_000_000));
        }
    }
}
