//! Jobs that the list of a project shows, and nobody named.

use tempfile::TempDir;

use crate::harness::{Cloud, Daemon, ONE_POLL, PATIENCE, Setup, run_with_config, wait_for};
use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Offsets, Scenario, Settings};

const FOUND: &str = "discovery = { enabled = true }";

/// A project `p` whose jobs are found so.
fn setup(discovery: &str) -> Setup<'_> {
    Setup { project: discovery, ..Setup::new().with("p", [], "") }
}

async fn start(discovery: &str, cloud: &Cloud) -> Daemon {
    Daemon::start(&setup(discovery).file(cloud)).await
}

fn status(name: &str, status: &str) -> String {
    format!("modelarts_job_status{{job_name=\"{name}\",status=\"{status}\"}} == 1")
}

fn runs(name: &str, outcome: &str, count: u32) -> String {
    format!("modelarts_job_runs_total{{job_name=\"{name}\",outcome=\"{outcome}\"}} == {count}")
}

/// Nothing of a job itself is shown.
fn nothing_of(job: u64) -> [String; 2] {
    ["modelarts_job_info", "modelarts_job_poll_success"]
        .map(|series| format!("{series}{{job_id=\"{job}\"}} absent"))
}

impl Daemon {
    /// Waits for this many more readings of the list.
    async fn reads_the_list(&self, times: f64) {
        let read = async || {
            self.scrape().await.sum("modelarts_exporter_api_requests_total{operation=\"list\"}")
        };
        let before = read().await;
        wait_for(PATIENCE, "readings of the list", async || match read().await {
            now if now >= before + times => Ok(()),
            now => Err(format!("{}", now - before)),
        })
        .await;
    }
}

#[tokio::test]
async fn jobs_appear_and_disappear_with_the_list() {
    let cloud = Cloud::empty().await;
    let daemon = start(FOUND, &cloud).await;
    daemon.is_ready().await;
    daemon.shows(&["modelarts_up{project=\"p\"} == 1", "modelarts_job_info absent"]).await;
    let one = cloud.add("one").await.job_id;
    let two = cloud.add_as("two", "\"status\": \"failed\"").await.job_id;
    daemon
        .shows(&[
            status("one", "running"),
            "modelarts_job_gpu_utilization_ratio{job_name=\"one\"} > 0".to_owned(),
            runs("one", "failed", 0),
            // It appeared and failed between two lists.
            runs("two", "failed", 1),
        ])
        .await;
    cloud.remove(one).await;
    daemon.shows(&nothing_of(one)).await;
    cloud.remove(two).await;
    daemon.shows(&nothing_of(two)).await;
    // The name goes on under another id.
    assert!(![one, two].contains(&cloud.add("two").await.job_id));
    daemon.shows(&[status("two", "running"), runs("two", "failed", 1)]).await;
    assert!(daemon.logged(&["level=info", "the list of jobs has changed"]) > 2);
}

#[tokio::test]
async fn each_filter_admits_what_it_names_and_what_was_admitted_is_followed_to_its_end() {
    let cloud = Cloud::empty().await;
    let names = ["prod-a", "prod-b", "preprod-c"];
    for (name, status) in names.into_iter().zip(["running", "completed", "running"]) {
        cloud.add_as(name, &format!("\"status\": \"{status}\"")).await;
    }
    let old = cloud.add_as("prod-old", "\"minutes\": 300").await.job_id;
    for (filter, shown) in [
        ("name_regex = \"prod-.*\"", &["prod-a", "prod-b", "prod-old"][..]),
        ("statuses = [\"running\"]", &["preprod-c", "prod-a", "prod-old"]),
        ("max_age = \"2h\"", &["preprod-c", "prod-a", "prod-b"]),
        ("workspace_id = \"another\"", &[]),
    ] {
        let discovery = format!("discovery = {{ enabled = true, {filter} }}");
        let daemon = start(&discovery, &cloud).await;
        daemon.is_ready().await;
        let scrape = daemon.shows(&["modelarts_up == 1"]).await;
        let info = scrape.find("modelarts_job_info");
        let mut found: Vec<_> = info
            .iter()
            .map(|sample| sample.labels.iter().find(|it| it.0 == "job_id").unwrap().1.clone())
            .collect();
        found.sort_unstable();
        assert_eq!(found.len(), shown.len(), "{filter}: {found:?}");
        for name in shown {
            let created = format!("modelarts_job_created_timestamp_seconds{{job_name=\"{name}\"}}");
            assert_eq!(scrape.find(&created).len(), 1, "{filter}: {name}");
        }
    }
    let daemon = start("discovery = { enabled = true, statuses = [\"running\"] }", &cloud).await;
    daemon.shows(&[status("prod-old", "running")]).await;
    cloud.set_status(old, "completed").await;
    daemon.shows(&[status("prod-old", "completed"), runs("prod-old", "completed", 1)]).await;
    daemon.reads_the_list(3.0).await;
    daemon.shows(&[status("prod-old", "completed")]).await;
}

#[tokio::test]
async fn a_job_that_is_named_too_is_there_once_and_as_it_is_named() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("both").await.job_id;
    cloud.add("both").await;
    cloud.add("found").await;
    cloud.add("found").await;
    let named = Setup::new().with("p", [job], "\"all\"");
    let daemon = Daemon::start(&Setup { project: FOUND, ..named }.file(&cloud)).await;
    let info = |job_name: &str, count| {
        format!("modelarts_job_status{{job_name=\"{job_name}\",status=\"running\"}} == {count}")
    };
    daemon.shows(&[info("both", 2), info("found", 1)]).await;
}

#[tokio::test]
async fn pages_that_repeat_are_missing_or_never_end_take_nothing_away() {
    let settings = Settings {
        jobs: Some(1001),
        speed: 0.0,
        scenario: Scenario::Steady,
        ..Settings::default()
    };
    let cloud = Cloud::start(settings).await;
    // On the second page: the list comes in the order of create times.
    let job = cloud.add("ours").await.job_id;
    let ours = "discovery = { enabled = true, name_regex = \"ours|new\" }";
    let daemon = start(ours, &cloud).await;
    daemon.shows(&[status("ours", "running"), "modelarts_job_usage_samples > 0".to_owned()]).await;
    let mut wrong = 0.0;
    for fault in ["duplicate_page", "skipped_page", "endless_pages"] {
        cloud.fault(&format!("\"fault\": \"{fault}\", \"on\": \"list\"")).await;
        daemon.reads_the_list(5.0).await;
        let counted = "modelarts_exporter_decode_errors_total{field=\"jobs\"}";
        let scrape =
            daemon.shows(&[format!("{counted} > {wrong}"), status("ours", "running")]).await;
        wrong = scrape.sum(counted);
        cloud.heal().await;
        daemon.reads_the_list(5.0).await;
    }
    cloud.remove(job).await;
    cloud.add("new").await;
    daemon.shows(&nothing_of(job)).await;
    daemon.shows(&[status("new", "running")]).await;
}

#[tokio::test]
async fn an_id_that_comes_back_under_another_name_is_one_job() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let daemon = start(FOUND, &cloud).await;
    daemon.shows(&[status("one", "running")]).await;
    cloud.fault(&format!("\"fault\": \"renamed\", \"job_id\": {job}")).await;
    daemon
        .shows(&["modelarts_job_status{job_name=\"one\"} absent", "modelarts_job_info == 1"])
        .await;
    cloud.set_status(job, "failed").await;
    daemon.shows(&["modelarts_runs_total{outcome=\"failed\"} == 1"]).await;
}

#[tokio::test]
async fn a_project_whose_list_is_broken_does_not_touch_another() {
    let (well, broken) = (Cloud::empty().await, Cloud::empty().await);
    well.add("well").await;
    broken.add("unseen").await;
    broken.fault("\"fault\": \"hang\", \"on\": \"list\"").await;
    let two = Setup { project: FOUND, ..Setup::new().with("q", [], "") };
    let file = setup(FOUND).file(&well) + &two.projects_at(&broken, &broken);
    let daemon = Daemon::start(&file).await;
    daemon.is_ready().await;
    let up = |project, up| format!("modelarts_up{{project=\"{project}\"}} == {up}");
    daemon.shows(&[status("well", "running"), up("p", 1), up("q", 0)]).await;
    well.add("more").await;
    daemon.shows(&[status("more", "running")]).await;
    broken.heal().await;
    daemon.shows(&[status("unseen", "running"), up("q", 1)]).await;
}

#[tokio::test]
async fn an_ended_job_is_let_go_after_the_retention_and_comes_back_with_its_next_run() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let tables = "[limits]\nfinished_retention = \"2s\"";
    let daemon = Daemon::start(&Setup { tables, ..setup(FOUND) }.file(&cloud)).await;
    daemon.shows(&[status("train", "running"), runs("train", "failed", 0)]).await;
    cloud.set_status(job, "failed").await;
    daemon.shows(&nothing_of(job)).await;
    daemon
        .shows(&[runs("train", "failed", 1), "modelarts_job_consecutive_failures == 1".to_owned()])
        .await;
    let polls = cloud.requests("versions").await;
    daemon.reads_the_list(5.0).await;
    assert_eq!(cloud.requests("versions").await, polls, "nobody asks about it");
    assert_eq!(cloud.add("train").await.job_id, job);
    daemon.shows(&[status("train", "running")]).await;
    cloud.set_status(job, "completed").await;
    daemon.shows(&[runs("train", "completed", 1), runs("train", "failed", 1)]).await;
}

#[tokio::test]
async fn a_restart_counts_what_ended_meanwhile_and_nothing_twice() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let [one, two] = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    let tables = format!("[state]\nfile = \"{}\"\n", folder.path().join("state").display());
    let config = Setup { tables: &tables, ..setup(FOUND) }.file(&cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&[runs("one", "failed", 0), runs("two", "failed", 0)]).await;
    cloud.set_status(one, "failed").await;
    daemon.shows(&[runs("one", "failed", 1)]).await;
    daemon.stop().await;
    cloud.set_status(two, "failed").await;
    cloud.add_as("three", "\"status\": \"completed\"").await;
    let daemon = Daemon::start(&config).await;
    daemon
        .shows(&[runs("one", "failed", 1), runs("two", "failed", 1), runs("three", "completed", 1)])
        .await;
    daemon.stop().await;
    // Other filters bring others into sight, whose ends were there before.
    cloud.add_as("four", "\"status\": \"completed\"").await;
    let config = config.replace(FOUND, "discovery = { enabled = true, max_age = \"31d\" }");
    let daemon = Daemon::start(&config).await;
    daemon.shows(&[runs("four", "completed", 0), runs("three", "completed", 1)]).await;
}

#[tokio::test]
async fn a_reload_takes_other_filters_into_use() {
    let cloud = Cloud::empty().await;
    for name in ["a-1", "b-1"] {
        cloud.add(name).await;
    }
    let of =
        |pattern: &str| format!("discovery = {{ enabled = true, name_regex = \"{pattern}\" }}");
    let file = |discovery: &str| {
        let tables = "[web]\nenable_lifecycle = true";
        Setup { tables, ..setup(discovery) }.file(&cloud)
    };
    let daemon = Daemon::start(&file(&of("a-.*"))).await;
    daemon.shows(&[status("a-1", "running"), "modelarts_job_info == 1".to_owned()]).await;
    daemon.configure(&file(&of("b-.*")));
    assert_eq!(daemon.post("/-/reload", "").await.status, 200);
    daemon.shows(&[status("b-1", "running"), "modelarts_job_info == 1".to_owned()]).await;
    daemon.configure(&file(FOUND));
    assert_eq!(daemon.post("/-/reload", "").await.status, 200);
    daemon.shows(&["modelarts_job_info == 2", "modelarts_job_poll_success == 2"]).await;
}

#[tokio::test]
async fn the_pages_of_v2_are_all_read_whatever_their_offset_counts() {
    // Where it counts jobs, that takes a page to find out.
    for (offsets, pages) in [(Offsets::Pages, 3), (Offsets::Items, 4)] {
        let settings = Settings { jobs: Some(120), offsets, ..Cloud::no_jobs() };
        let cloud = Cloud::start(settings).await;
        let jobs = Setup { poll: ONE_POLL, project: FOUND, ..Setup::new() };
        let daemon = Daemon::start(&jobs.with_api("p", Api::V2, []).file(&cloud)).await;
        let scrape = daemon
            .shows(&[
                "modelarts_job_info{api=\"v2\"} == 120",
                "modelarts_job_poll_success == 120",
                // Four tasks each.
                "modelarts_job_usage_samples == 57600",
            ])
            .await;
        assert_eq!(cloud.requests("list").await, pages);
        assert_eq!(scrape.find("modelarts_job_usage_samples").len(), 480);
    }
}

#[tokio::test]
async fn once_shows_what_is_found_and_polled() {
    let cloud = Cloud::empty().await;
    cloud.add_as("one", "\"quality\": {\"recall\": 0.5}").await;
    let finished = run_with_config("once", &setup(FOUND).file(&cloud)).await;
    assert!(finished.status.success(), "{}", finished.stderr);
    for part in ["modelarts_model_recall{", "modelarts_job_poll_success{"] {
        assert!(finished.stdout.contains(part), "{part} in\n{}", finished.stdout);
    }
}
