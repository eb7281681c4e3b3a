//! Four processes and a Prometheus, at a tenth of the size that `make test-long` has.

use std::time::Duration;

use modelarts_exporter::model::Api;

use crate::harness::shards::{Size, divide};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_a_project() {
    four_processes_share(Api::V1, 2000).await;
}

/// A quarter of the jobs: a page of the list has 50.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_a_project_of_v2() {
    four_processes_share(Api::V2, 500).await;
}

async fn four_processes_share(api: Api, jobs: usize) {
    let size = Size {
        api,
        jobs,
        shards: 4,
        requests_per_minute: 24_000,
        list_interval: Duration::from_secs(1),
        patience: Duration::from_mins(2),
    };
    divide(size).await;
}
