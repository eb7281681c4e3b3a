//! A project that speaks v2: usage by task, and a list that tells the rest.

use super::report::estimate;
use super::{WHOLE, cloud, shown};
use crate::harness::{Cloud, ONE_POLL, Setup};
use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Scenario;

/// Every job of v2.
const FOUND: &str = "discovery = { enabled = true }";

fn file(cloud: &Cloud, poll: &str) -> String {
    Setup { poll, project: FOUND, ..Setup::new().with_api("p", Api::V2, []) }.file(cloud)
}

#[tokio::test]
async fn the_series_of_v2_are_those_that_are_then_shown() {
    for (scenario, jobs, off) in [
        (Scenario::Mixed, WHOLE, 0.0),
        (Scenario::Steady, WHOLE, 0.0),
        (Scenario::Steady, 60, 0.0),
        (Scenario::Mixed, 72, 0.1),
    ] {
        let cloud = cloud(scenario, jobs).await;
        let config = file(&cloud, ONE_POLL);
        let said = estimate(&config).await;
        let shown = shown(&config).await;
        let project = said.project();
        assert_eq!(project.sample.asked, WHOLE.min(jobs));
        for (said, shown) in
            [(project.scrape.series, shown.series), (project.series.usage, shown.usage)]
        {
            let apart = (said as f64 / shown as f64 - 1.0).abs();
            assert!(apart <= off, "{scenario:?} {jobs}: {project:?} {shown:?}");
        }
        assert_eq!(project.jobs.versions, shown.versions, "{scenario:?} {jobs}");
    }
}

#[tokio::test]
async fn tasks_and_pages_are_what_v2_costs() {
    let cloud = Cloud::empty().await;
    for number in 0..60 {
        let (workers, status) = match number {
            0..2 => (32, "running"),
            2..12 => (1, "running"),
            12..20 => (1, "pending"),
            _ => (2, "completed"),
        };
        let order = format!(
            r#"{{"api": "v2", "name": "job-{number}", "workers": {workers}, "status": "{status}"}}"#
        );
        assert_eq!(cloud.post("/-/simulator/jobs", &order).await.status, 201);
    }
    let poll = "interval = \"60s\"\nlist_interval = \"30s\"\nrequests_per_minute = 0";
    let said = estimate(&file(&cloud, poll)).await;
    let requests = &said.project().requests;
    let found = [requests.running, requests.waiting, requests.ended, requests.list];
    // Two pages twice a minute; those that wait or have ended cost nothing beside them.
    for (found, wanted) in found.into_iter().zip([74.0, 0.0, 0.0, 4.0]) {
        assert!((found - wanted).abs() < 1e-9, "{requests:?}");
    }
    // A hundredth of the time and a hundred times the budget, which the estimate itself keeps to.
    let tight = "interval = \"600ms\"\nlist_interval = \"300ms\"\ntimeout = \"1s\"\nrequests_per_minute = 4000";
    let said = estimate(&file(&cloud, tight)).await;
    let requests = &said.project().requests;
    assert!((1.10..1.35).contains(&requests.interval_seconds), "{requests:?}");
}
