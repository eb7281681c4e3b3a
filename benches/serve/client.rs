//! Our own client, for what a load tool cannot do: keep the bytes, time a scrape that takes longer than
//! a run, and ask in several ways at once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, timeout};

use crate::load::Encoding;

/// A million series rendered by Python, three times over.
const DEADLINE: Duration = Duration::from_mins(3);

/// What a scraper says that prefers `OpenMetrics`.
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

const TEXT: &str = "text/plain;version=0.0.4";

fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().no_gzip().tls_certs_only([]).timeout(DEADLINE).build()
}

fn request(client: &Client, url: &str, accept: &str, encoding: Encoding) -> RequestBuilder {
    client
        .get(format!("{url}/metrics"))
        .header("accept", accept)
        .header("accept-encoding", encoding.token())
}

/// The bytes of one scrape, as they were sent.
pub(crate) async fn fetch(url: &str, encoding: Encoding) -> anyhow::Result<Bytes> {
    let answer = request(&client()?, url, TEXT, encoding).send().await?.error_for_status()?;
    let sent = answer.headers().get("content-encoding").is_some_and(|value| value == "gzip");
    anyhow::ensure!(sent == (encoding == Encoding::Gzip), "another encoding than asked for");
    Ok(answer.bytes().await?)
}

/// Hands an exposition to a pushgateway.
pub(crate) async fn push(url: &str, text: String) -> anyhow::Result<()> {
    let request = client()?.put(format!("{url}/metrics/job/bench")).body(text);
    let answer = request.send().await?;
    let status = answer.status();
    anyhow::ensure!(status.is_success(), "{status}: {}", answer.text().await?);
    Ok(())
}

/// How long one scrape takes.
pub(crate) async fn time(url: &str, encoding: Encoding) -> anyhow::Result<Duration> {
    let client = client()?;
    let start = Instant::now();
    take(request(&client, url, TEXT, encoding)).await?;
    Ok(start.elapsed())
}

/// Scrapes both formats in both encodings side by side, each again and again for a while.
pub(crate) async fn ask_for_all(url: &str, length: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + length;
    let again = async |accept: &str, encoding| {
        let client = client()?;
        while Instant::now() < end {
            take(request(&client, url, accept, encoding)).await?;
        }
        anyhow::Ok(())
    };
    let all = async {
        tokio::try_join!(
            again(TEXT, Encoding::Identity),
            again(TEXT, Encoding::Gzip),
            again(OPENMETRICS, Encoding::Identity),
            again(OPENMETRICS, Encoding::Gzip),
        )
    };
    timeout(length + DEADLINE, all).await??;
    Ok(())
}

async fn take(request: RequestBuilder) -> anyhow::Result<()> {
    let mut answer = request.send().await?.error_for_status()?;
    while answer.chunk().await?.is_some() {}
    Ok(())
}
