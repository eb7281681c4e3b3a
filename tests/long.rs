//! What takes minutes: `make test-long`. Each has a small sibling in `make test`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(dead_code, unused_imports, reason = "the harness serves the other binary, too")]

mod harness;
mod installing;
mod parser;

use std::time::Duration;

use harness::hanging::{Size, hold};
use harness::{kills, shards, siege, soak, turns};
use modelarts_exporter::model::Api;

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

/// At a hundredth of the time and a hundred times the budget: 60 and 600 requests a minute, and none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_jobs_have_their_turn() {
    let second = Duration::from_secs(1);
    for (requests_per_minute, interval) in [(6000, second), (60_000, second), (0, second * 30)] {
        turns::hold(turns::Size { jobs: 5000, interval, requests_per_minute, rounds: 3 }).await;
    }
}

/// Three times the usual time, under each attack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scraper_hardly_notices_those_who_attack() {
    siege::withstand(3.0).await;
}

/// Four fifths of what one scraper gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_scrapers_get_about_as_much_as_one() {
    siege::share(0.8).await;
}

/// With 83 thousand series, a value is in a gzip scrape within a second of its poll.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_arrives_within_a_second() {
    harness::freshness::arrives_within(1.0).await;
}

/// Eight versions end a second, and the daemon is killed two hundred times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_count_falls_or_is_lost_in_two_hundred_kills() {
    kills::survive(kills::Size { api: Api::V1, kills: 200, names: 80 }).await;
}

/// The same with jobs of v2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_count_of_v2_falls_or_is_lost_in_two_hundred_kills() {
    kills::survive(kills::Size { api: Api::V2, kills: 200, names: 80 }).await;
}

/// 100,000 jobs come and go in ten minutes: `make soak`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_ten_minutes() {
    a_day(Api::V1).await;
}

/// The same with jobs of v2: `make soak`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_v2_in_ten_minutes() {
    a_day(Api::V2).await;
}

async fn a_day(api: Api) {
    let hour = Duration::from_hours(1);
    let size = soak::Size {
        api,
        jobs_a_day: 100_000,
        length: hour * 24,
        stay: Duration::from_mins(10),
        retention: hour * 2,
        growth: 0.1,
        between_looks: hour,
    };
    soak::hold(size).await;
}

/// 20,000 jobs, half a thousand requests a second for all four processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_twenty_thousand_jobs() {
    four_processes_share(Api::V1, 20_000).await;
}

/// A quarter of the jobs: a page of the list has 50.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_five_thousand_jobs_of_v2() {
    four_processes_share(Api::V2, 5000).await;
}

async fn four_processes_share(api: Api, jobs: usize) {
    let size = shards::Size {
        api,
        jobs,
        shards: 4,
        requests_per_minute: 30_000,
        list_interval: Duration::from_secs(5),
        patience: Duration::from_mins(5),
    };
    shards::divide(size).await;
}
