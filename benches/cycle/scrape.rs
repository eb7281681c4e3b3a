//! A Prometheus that asks often.

use std::time::Duration;

use reqwest::Client;
use tokio::time::{Instant, interval};

use crate::WINDOW;

/// Between two scrapes of each kind.
const EVERY: Duration = Duration::from_secs(5);

/// What two scrapers got.
pub(crate) struct Scraped {
    /// Bytes of an uncompressed answer.
    pub(crate) identity: u64,
    /// Bytes of a compressed answer.
    pub(crate) gzip: u64,
}

/// Scrapes plain text and gzip side by side for a while.
pub(crate) async fn run(url: &str) -> anyhow::Result<Scraped> {
    let client = Client::builder().no_proxy().no_gzip().tls_certs_only([]).build()?;
    let end = Instant::now() + WINDOW;
    let mut ticks = interval(EVERY);
    let mut scraped = Scraped { identity: 0, gzip: 0 };
    while ticks.tick().await < end {
        let (identity, gzip) =
            tokio::try_join!(scrape(&client, url, "identity"), scrape(&client, url, "gzip"))?;
        scraped = Scraped { identity, gzip };
    }
    Ok(scraped)
}

async fn scrape(client: &Client, url: &str, encoding: &str) -> anyhow::Result<u64> {
    let request = client.get(format!("{url}/metrics")).header("accept-encoding", encoding);
    let mut answer = request.send().await?.error_for_status()?;
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}
