//! A tenth of a day of jobs that come and go, in a minute; `make soak` runs the whole one.

use std::time::Duration;

use modelarts_exporter::model::Api;

use crate::harness::soak::{Size, hold};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_of_a_day_leaves_nothing_behind() {
    a_tenth_of_a_day(Api::V1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_of_a_day_of_v2_leaves_nothing_behind() {
    a_tenth_of_a_day(Api::V2).await;
}

async fn a_tenth_of_a_day(api: Api) {
    let minute = Duration::from_mins(1);
    let size = Size {
        api,
        jobs_a_day: 20_000,
        length: minute * 144,
        // Other tests share the machine: twelve seconds, where `make soak` grants four.
        stay: minute * 30,
        retention: minute * 48,
        // There is time for two looks at each end, whose least differed by up to 7 % where nothing grew.
        growth: 0.15,
        between_looks: minute * 12,
    };
    hold(size).await;
}
