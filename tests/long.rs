//! What takes minutes: `make test-long`. Each has a small sibling in `make test`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(dead_code, unused_imports, reason = "the harness serves the other binary, too")]

mod harness;

use std::time::Duration;

use harness::hanging::{Size, hold};

/// 200 of 1,000 jobs hang, 16 requests in flight, a minute between polls, ten seconds for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_of_a_thousand_jobs_hang() {
    let size = Size {
        jobs: 1000,
        concurrency: 16,
        interval: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
        oldest: Duration::from_secs(75),
        watch: Duration::from_mins(5),
    };
    hold(size).await;
}
