//! What the cloud grants a project: shown where the cloud says so, asked for seldom, and no trouble
//! where it does not.

use modelarts_exporter::model::Api;

use crate::harness::{Cloud, Daemon, PATIENCE, QUICK, Setup, run_in, wait_for};

/// Every job of v2.
const FOUND: &str = "discovery = { enabled = true }";

const USED: &str = "modelarts_quota_used{project=\"p\",resource=\"job-num\"}";

async fn cloud(jobs: usize) -> Cloud {
    let cloud = Cloud::empty().await;
    for number in 0..jobs {
        let order = format!("{{\"api\": \"v2\", \"name\": \"job-{number}\"}}");
        assert_eq!(cloud.post("/-/simulator/jobs", &order).await.status, 201);
    }
    cloud
}

fn file(cloud: &Cloud, poll: &str, tables: &str) -> String {
    Setup { poll, tables, project: FOUND, ..Setup::new().with_api("p", Api::V2, []) }.file(cloud)
}

/// Waits until the list was read so often.
async fn lists(cloud: &Cloud, least: u64) {
    wait_for(PATIENCE, "the list to be read", async || match cloud.requests("list").await {
        lists if lists >= least => Ok(()),
        lists => Err(format!("{lists} times")),
    })
    .await;
}

#[tokio::test]
async fn quotas_are_shown_and_asked_for_seldom() {
    let cloud = cloud(3).await;
    let daemon = Daemon::start(&file(&cloud, QUICK, "")).await;
    let limit = USED.replace("used", "limit");
    daemon.shows(&[format!("{USED} == 3"), format!("{limit} > 3")]).await;
    lists(&cloud, 10).await;
    assert_eq!(cloud.requests("quota").await, 1);

    // What was said stays while another poller begins, which asks anew.
    daemon.configure(&file(&cloud, &QUICK.replace("3s", "4s"), ""));
    daemon.signal("HUP");
    wait_for(PATIENCE, "the quotas to be asked for", async || {
        let shown = daemon.scrape().await.get(USED);
        assert_eq!(shown, Some(3.0));
        match cloud.requests("quota").await {
            2 => Ok(()),
            times => Err(format!("{times} times")),
        }
    })
    .await;

    let once = run_in(&[], &["once"], &file(&cloud, QUICK, "")).await;
    assert!(once.stdout.contains(&format!("{USED} 3\n")), "{once:?}");
}

#[tokio::test]
async fn a_region_without_quotas_is_in_health() {
    for (fault, reason) in
        [("retired", "api_retired"), ("forbidden", "forbidden"), ("server_error", "server_error")]
    {
        let cloud = cloud(1).await;
        cloud.fault(&format!(r#""fault": "{fault}", "on": "quota""#)).await;
        let daemon = Daemon::start(&file(&cloud, QUICK, "")).await;
        let errors = format!(
            "modelarts_exporter_api_errors_total{{operation=\"quota\",reason=\"{reason}\"}}"
        );
        daemon
            .shows(&[
                "modelarts_up == 1".to_owned(),
                "modelarts_job_poll_success == 1".to_owned(),
                format!("{errors} > 0"),
                format!("{USED} absent"),
            ])
            .await;
        // The client itself asks twice where the cloud stumbles.
        lists(&cloud, cloud.requests("list").await + 5).await;
        let asked = cloud.requests("quota").await;
        lists(&cloud, cloud.requests("list").await + 5).await;
        assert_eq!(cloud.requests("quota").await, asked, "{fault}: seldom");
        assert_eq!(daemon.logged(&["level=warn", "cannot"]), 0, "{}", daemon.log());
        assert_eq!(daemon.logged(&["the quotas are not told"]), 1, "{}", daemon.log());
        let once = run_in(&[], &["once"], &file(&cloud, QUICK, "")).await;
        assert_eq!(once.status.code(), Some(0), "{once:?}");
    }
}

#[tokio::test]
async fn one_shard_asks_for_all() {
    let cloud = cloud(6).await;
    let mut shards = Vec::new();
    for index in 0..3 {
        let tables = format!("[shard]\nindex = {index}\ntotal = 3");
        shards.push(Daemon::start(&file(&cloud, QUICK, &tables)).await);
    }
    shards[0].shows(&[format!("{USED} == 6")]).await;
    for shard in &shards[1..] {
        shard.is_ready().await;
        shard.shows(&[format!("{USED} absent"), "modelarts_up == 1".to_owned()]).await;
    }
    assert_eq!(cloud.requests("quota").await, 1);
}

#[tokio::test]
async fn v1_has_no_quotas_to_ask_for() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 1".to_owned(), format!("{USED} absent")]).await;
    lists(&cloud, 3).await;
    assert_eq!(cloud.requests("quota").await, 0);
}
