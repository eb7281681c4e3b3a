//! A fifth of all jobs hang, over real sockets: nobody else's values grow old. This is the contract's
//! minute at a quarter of its size; `make test-long` runs it whole.

use crate::harness::hanging::{Size, hold};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_hang_delay_no_other() {
    // The same arrivals a second and the same shortage of slots as with 1,000 jobs a minute.
    let size = Size {
        jobs: 250,
        concurrency: 4,
        interval: Duration::from_secs(15),
        timeout: Duration::from_millis(2500),
        oldest: Duration::from_millis(18_750),
        watch: Duration::from_secs(45),
    };
    hold(size).await;
}
