//! How the runs of a name ended: what is counted, and what a restart, a kill and a broken disk do to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;
use ring::digest::{Context, SHA256};
use tempfile::TempDir;

use crate::harness::kills::{self, finding, keeping};
use crate::harness::{Cloud, Daemon, PATIENCE, Setup, wait_for};

/// The four counts of a name that can be wrong: failures since the last success, and ends by outcome.
fn counts(name: &str, failures: u32, completed: u32, failed: u32) -> [String; 3] {
    let runs =
        |outcome| format!("modelarts_job_runs_total{{job_name=\"{name}\",outcome=\"{outcome}\"}}");
    [
        format!("modelarts_job_consecutive_failures{{job_name=\"{name}\"}} == {failures}"),
        format!("{} == {completed}", runs("completed")),
        format!("{} == {failed}", runs("failed")),
    ]
}

/// What a folder holds.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_failure_stands_until_the_next_version_succeeds() {
    let cloud = Cloud::empty().await;
    let first = cloud.add("train").await;
    let job = first.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    let scrape = daemon.shows(&counts("train", 0, 0, 0)).await;
    assert_eq!(scrape.unmet(&["modelarts_job_last_outcome absent"]), Vec::<String>::new());

    cloud.set_status(job, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{project=\"p\",job_name=\"train\",outcome=\"failed\"} == 1",
            "modelarts_job_last_outcome{outcome=\"completed\"} == 0",
            "modelarts_job_last_failed_timestamp_seconds{project=\"p\",job_name=\"train\"} > 0",
            "modelarts_job_last_run_info{version=\"V0001\",outcome=\"failed\"} == 1",
        ])
        .await;

    assert_eq!(cloud.add("train").await.job_id, job);
    cloud.set_status(job, "completed").await;
    daemon.shows(&counts("train", 0, 1, 1)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{outcome=\"completed\"} == 1",
            "modelarts_job_last_outcome{outcome=\"failed\"} == 0",
            "modelarts_job_last_failed_timestamp_seconds > 0",
            "modelarts_job_last_run_info{version=\"V0002\",outcome=\"completed\"} == 1",
            "modelarts_runs_total{project=\"p\",outcome=\"completed\"} == 1",
            "modelarts_runs_total{project=\"p\",outcome=\"failed\"} == 1",
        ])
        .await;
}

#[tokio::test]
async fn a_version_that_runs_again_counts_once() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    cloud.set_status(job, "running").await;
    let last = "modelarts_job_last_outcome{outcome=\"failed\"} == 1";
    daemon.shows(&["modelarts_job_status{status=\"running\"} == 1", last]).await;
    cloud.set_status(job, "completed").await;
    daemon.shows(&counts("train", 0, 0, 1)).await;
    daemon.shows(&["modelarts_job_last_outcome{outcome=\"completed\"} == 1"]).await;
}

#[tokio::test]
async fn what_had_ended_at_first_sight_moves_the_gauges_alone() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("train", "\"status\": \"failed\"").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&counts("train", 1, 0, 0)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{outcome=\"failed\"} == 1",
            "modelarts_runs_total{outcome=\"failed\"} == 0",
        ])
        .await;
}

#[tokio::test]
async fn runs_of_several_jobs_are_runs_of_the_name_they_share() {
    let cloud = Cloud::empty().await;
    let one = cloud.add("train-20260101").await.job_id;
    let two = cloud.add("train-20260102").await.job_id;
    let rule = "outcome = { name_regex = '^(.*?)-\\d{8,}$' }";
    let setup = Setup { project: rule, ..Setup::of([one, two]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(one, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    cloud.set_status(two, "completed").await;
    daemon.shows(&counts("train", 0, 1, 1)).await;
}

#[tokio::test]
async fn a_version_shows_the_scores_of_the_run_before_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("train", "\"quality\": {\"recall\": 0.5}, \"classes\": 3").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "completed").await;
    cloud.add("train").await;
    let previous = "modelarts_model_previous_recall";
    let scrape = daemon.shows(&[format!("{previous}{{version=\"V0002\"}} == 0.5")]).await;
    assert_eq!(scrape.find(previous).len(), 1, "nothing completed before the first version");
    let of_classes = scrape.find("modelarts_model_class_recall{version=\"V0001\"}");
    let lowest = of_classes.iter().map(|class| class.value).min_by(f64::total_cmp).unwrap();
    let worst = scrape.find("modelarts_model_previous_worst_class_recall{version=\"V0002\"}");
    assert_eq!((of_classes.len(), worst[0].value), (3, lowest));
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "failed").await;
    let before = daemon.shows(&counts("train", 1, 0, 1)).await;
    let ended = daemon.stop().await;
    assert!(ended.status.success(), "{}", ended.stderr);

    // While nobody watches the next version comes and fails: it was not there before the stop.
    cloud.add("train").await;
    cloud.set_status(job, "failed").await;
    let daemon = Daemon::start(&config).await;
    let after = daemon.shows(&counts("train", 2, 0, 2)).await;
    let changed = "modelarts_job_status_changed_timestamp_seconds{version=\"V0001\"}";
    let first = before.get(changed).unwrap();
    assert!(after.get(changed).is_none_or(|at| (at - first).abs() < 0.001));
}

#[tokio::test]
async fn the_first_scrape_after_a_restart_has_what_was_counted_before() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "failed").await;
    let changed = "modelarts_job_status_changed_timestamp_seconds";
    daemon.shows(&counts("train", 1, 0, 1)).await;
    let before = daemon.scrape().await.get(changed).unwrap();
    daemon.stop().await;

    cloud.fault("\"fault\": \"server_error\", \"on\": \"any\"").await;
    let daemon = Daemon::start(&config).await;
    assert_eq!(daemon.scrape().await.unmet(&counts("train", 1, 0, 1)), Vec::<String>::new());
    cloud.heal().await;
    let after = daemon.shows(&["modelarts_job_status{status=\"failed\"} == 1"]).await;
    let after = after.get(changed).unwrap();
    assert!((after - before).abs() < 0.001, "{before} became {after}");
    assert_eq!(daemon.scrape().await.unmet(&counts("train", 1, 0, 1)), Vec::<String>::new());
}

#[tokio::test]
async fn a_reload_takes_the_outcomes_of_what_leaves_along_and_keeps_the_others() {
    let cloud = Cloud::empty().await;
    let kept = cloud.add("kept").await.job_id;
    let leaving = cloud.add("leaving").await.job_id;
    let both = Setup::new().with("a", [kept], "\"latest\"").with("b", [leaving], "\"latest\"");
    let daemon = Daemon::start(&both.file(&cloud)).await;
    daemon.shows(&[counts("kept", 0, 0, 0), counts("leaving", 0, 0, 0)].concat()).await;
    cloud.set_status(kept, "failed").await;
    daemon.shows(&counts("kept", 1, 0, 1)).await;

    let coming = cloud.add_as("coming", "\"status\": \"failed\"").await.job_id;
    let one = Setup::new().with("a", [kept, coming], "\"latest\"");
    daemon.configure(&one.file(&cloud));
    daemon.signal("HUP");
    let gone = ["runs_total", "job_runs_total", "job_consecutive_failures"];
    let gone = gone.map(|name| format!("modelarts_{name}{{project=\"b\"}} absent"));
    // What comes had ended before anybody watched it.
    let expected = [counts("kept", 1, 0, 1), counts("coming", 1, 0, 0), gone].concat();
    daemon.shows(&expected).await;
}

/// A state file with this content is out of the way, told of, and whole for whoever can read it.
async fn is_set_aside(content: &str, reason: &str, another: &str) {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("state"), content).unwrap();
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&keeping(folder.path(), [job], &cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    let told = [(reason, 1), (another, 0)].map(|(reason, value)| {
        format!("modelarts_exporter_state_set_aside{{reason=\"{reason}\"}} == {value}")
    });
    daemon.shows(&told).await;
    let logged = daemon.logged(&["state file set aside", &format!("reason={reason}")]);
    assert_eq!(logged, 1, "{}", daemon.log());
    let names = names(folder.path());
    let aside = names.iter().find(|name| name.starts_with(&format!("state.{reason}-")));
    let aside = aside.unwrap_or_else(|| panic!("{names:?}"));
    assert_eq!(std::fs::read_to_string(folder.path().join(aside)).unwrap(), content);
    assert!(names.iter().any(|name| name == "state"), "{names:?}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    is_set_aside("modelarts-exporter state 1 =\n{}", "damaged", "newer").await;
}

#[tokio::test]
async fn the_file_of_a_newer_exporter_is_set_aside() {
    let content = "what this exporter cannot know";
    let mut sum = Context::new(&SHA256);
    sum.update(&2_u32.to_be_bytes());
    sum.update(content.as_bytes());
    let sum = STANDARD.encode(sum.finish());
    let file = format!("modelarts-exporter state 2 {sum}\n{content}");
    is_set_aside(&file, "newer", "damaged").await;
}

#[tokio::test]
async fn polling_goes_on_where_nothing_can_be_written() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&keeping(&missing, [job], &cloud)).await;
    daemon
        .shows(&[
            "modelarts_exporter_state_write_failures_total > 0",
            "modelarts_job_status{status=\"running\"} == 1",
        ])
        .await;
    cloud.set_status(job, "completed").await;
    daemon
        .shows(&[
            "modelarts_job_status{status=\"completed\"} == 1",
            // What is not on disk could fall with the next start.
            "modelarts_job_runs_total absent",
            "modelarts_runs_total absent",
        ])
        .await;
    assert_eq!(daemon.logged(&["not shown until they are on disk"]), 1, "{}", daemon.log());
    std::fs::create_dir(&missing).unwrap();
    daemon.shows(&counts("train", 0, 1, 0)).await;
    assert_eq!(names(&missing), ["state", "state.lock"]);
}

/// Has whoever opens the next state file for writing wait until somebody reads it: a disk that hangs.
fn hang(folder: &Path) -> PathBuf {
    let pipe = folder.join("state.new");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()), "cannot make a pipe");
    pipe
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_outcomes_and_nothing_else() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let (one, two) = (cloud.add("one").await.job_id, cloud.add("two").await.job_id);
    let daemon = Daemon::start(&keeping(folder.path(), [one], &cloud)).await;
    daemon.shows(&counts("one", 0, 0, 0)).await;
    let pipe = hang(folder.path());
    cloud.set_status(one, "failed").await;
    wait_for(PATIENCE, "the log to say so", async || {
        match daemon.logged(&["the state file is still being written"]) {
            1 => Ok(()),
            lines => Err(format!("{lines} lines in {}", daemon.log())),
        }
    })
    .await;
    cloud.add("one").await;
    let running = |name: &str, version: &str| {
        format!(
            "modelarts_job_status{{job_name=\"{name}\",version=\"{version}\",status=\"running\"}} == 1"
        )
    };
    daemon.shows(&[running("one", "V0002")]).await;
    daemon.configure(&keeping(folder.path(), [one, two], &cloud));
    daemon.signal("HUP");
    let scrape = daemon.shows(&[running("one", "V0002"), running("two", "V0001")]).await;
    let unmet = scrape.unmet(&counts("one", 0, 0, 0));
    assert_eq!(unmet, Vec::<String>::new(), "what is not on disk was shown");
    assert_eq!(daemon.get("/-/ready").await.status, 200);

    // It comes back with an error: nobody can have a pipe on disk.
    tokio::task::spawn_blocking(|| std::fs::read(pipe)).await.unwrap().unwrap();
    daemon.shows(&[counts("one", 1, 0, 1), counts("two", 0, 0, 0)].concat()).await;
    daemon.shows(&["modelarts_exporter_state_write_failures_total == 1"]).await;
    assert_eq!(daemon.logged(&["the state file is written again"]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_hold_up_the_stop() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    hang(folder.path());
    let daemon = Daemon::start(&keeping(folder.path(), [job], &cloud)).await;
    daemon.shows(&["modelarts_job_status{status=\"running\"} == 1"]).await;
    let ended = daemon.stop().await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

#[tokio::test]
async fn a_full_disk_is_tried_again() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    // Everybody who writes there is told that there is no space left; the link goes with the failure.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("state.new")).unwrap();
    let daemon = Daemon::start(&keeping(folder.path(), [job], &cloud)).await;
    daemon.shows(&["modelarts_exporter_state_write_failures_total == 1"]).await;
    cloud.set_status(job, "completed").await;
    daemon.shows(&counts("train", 0, 1, 0)).await;
    daemon.shows(&["modelarts_exporter_state_write_failures_total == 1"]).await;
    assert_eq!(daemon.logged(&["not shown until", "No space left"]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn a_second_process_may_not_have_the_same_file() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &cloud);
    let first = Daemon::start(&config).await;
    first.shows(&counts("train", 0, 0, 0)).await;
    let second = Daemon::refuses_reading(Stdio::null(), "exec \"$@\"", &config).await;
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    let last = second.stderr.lines().last().unwrap();
    let file = folder.path().join("state").display().to_string();
    for words in ["belongs to another process", &file, "state.lock", "a state.file of its own"] {
        assert!(last.contains(words), "{words} is missing in {last}");
    }
    // Nothing is left of who was killed that keeps the next one out.
    first.signal("KILL");
    first.ended().await;
    Daemon::start(&config).await.shows(&counts("train", 0, 0, 0)).await;
}

#[tokio::test]
async fn the_outcomes_of_another_cloud_are_not_taken_up() {
    let (here, there) = (Cloud::empty().await, Cloud::empty().await);
    let folder = TempDir::new().unwrap();
    let job = here.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &here);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    here.set_status(job, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    daemon.stop().await;
    let job = there.add("train").await.job_id;
    let daemon = Daemon::start(&keeping(folder.path(), [job], &there)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
}

#[tokio::test]
async fn no_count_falls_or_is_lost_when_the_daemon_is_killed() {
    kills::survive(kills::Size { api: Api::V1, kills: 15, names: 16 }).await;
}

#[tokio::test]
async fn no_count_of_v2_falls_or_is_lost_when_the_daemon_is_killed() {
    kills::survive(kills::Size { api: Api::V2, kills: 15, names: 16 }).await;
}

#[tokio::test]
async fn runs_of_a_name_in_v2_are_jobs_that_come_and_go() {
    // Time goes by, so that one run ends after the other.
    let cloud = Cloud::start(Settings { speed: 60.0, ..Cloud::no_jobs() }).await;
    let folder = TempDir::new().unwrap();
    let first = cloud.add_in(Api::V2, "train-20260101", "").await;
    let config = finding(folder.path(), &cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    // Nobody knows any more what becomes of it.
    cloud.set_status(&first, "abnormal").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    let last = format!("modelarts_job_last_run_info{{job_id=\"{first}\",outcome=\"failed\"}} == 1");
    daemon.shows(&[last]).await;
    cloud.remove(&first).await;
    daemon.shows(&[format!("modelarts_job_info{{job_id=\"{first}\"}} absent")]).await;
    let ended = daemon.stop().await;
    assert!(ended.status.success(), "{}", ended.stderr);

    // While nobody watches the next one comes and fails, and one more begins.
    let second = cloud.add_in(Api::V2, "train-20260102", "").await;
    cloud.set_status(&second, "failed").await;
    let third = cloud.add_in(Api::V2, "train-20260103", "").await;
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 2, 0, 2)).await;
    cloud.set_status(&third, "completed").await;
    daemon.shows(&counts("train", 0, 1, 2)).await;
}
