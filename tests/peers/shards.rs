//! Four processes and a Prometheus, at a tenth of the size that `make test-long` has.

use std::time::Duration;

use crate::harness::Api;
use crate::harness::shards::{Size, divide};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_a_project() {
    let size = Size {
        api: Api::V1,
        jobs: 2000,
        shards: 4,
        requests_per_minute: 24_000,
        list_interval: Duration::from_secs(1),
        patience: Duration::from_mins(2),
    };
    divide(size).await;
}
