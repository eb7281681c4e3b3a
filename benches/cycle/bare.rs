//! The bare loop: reqwest and typed `serde_json`, nothing kept and nothing shown.
//!
//! It reads the same fields into the same kinds of values as the exporter, borrows where it can, and
//! knows the one form in which these answers come.

mod v1;
mod v2;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::cloud::{Api, Cloud};
use crate::{CONNECTIONS, INTERVAL};

/// The argument that makes this program the bare loop; the API and the cloud's URL follow.
pub(crate) const COMMAND: &str = "bare-loop";

/// What is asked once an interval.
struct Question {
    url: String,
    /// A document to POST.
    search: Option<String>,
    read: fn(&[u8]) -> anyhow::Result<()>,
}

/// Asks all there is to ask about every job once an interval, until the process is ended.
pub(crate) async fn run(api: Api, url: &str) -> anyhow::Result<()> {
    let cloud = Arc::new(Cloud::log_in(url).await?);
    let jobs = cloud.jobs(api).await?;
    let questions: Arc<[Question]> = match api {
        Api::V1 => v1::questions(url, &jobs),
        Api::V2 => v2::questions(url, &jobs),
    }
    .into();
    println!("polling {} jobs", jobs.len());
    let start = Instant::now();
    let mut connections = JoinSet::new();
    for first in 0..CONNECTIONS {
        let (cloud, questions) = (Arc::clone(&cloud), Arc::clone(&questions));
        connections.spawn(async move { ask_share(&cloud, &questions, first, start).await });
    }
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection's task failed")??;
    }
    Ok(())
}

/// Asks every sixteenth question at its own time within the interval.
async fn ask_share(
    cloud: &Cloud,
    questions: &[Question],
    first: usize,
    start: Instant,
) -> anyhow::Result<()> {
    let mut round = start;
    loop {
        for (index, question) in questions.iter().enumerate().skip(first).step_by(CONNECTIONS) {
            sleep_until(round + INTERVAL.mul_f64(index as f64 / questions.len() as f64)).await;
            ask(cloud, question).await.with_context(|| question.url.clone())?;
        }
        round += INTERVAL;
        if questions.len() <= first {
            sleep_until(round).await;
        }
    }
}

async fn ask(cloud: &Cloud, question: &Question) -> anyhow::Result<()> {
    let body = cloud.ask(&question.url, question.search.clone()).await?;
    (question.read)(&body)
}
