//! How much memory enormous answers may take.

use crate::harness::{Cloud, Daemon, ONE_POLL, QUICK, Setup};

const MIB: u64 = 1 << 20;

/// The largest answer that is to be read, just above the answers of these tests.
const CAP: &str = "[limits]\nanswer_bytes = \"64MiB\"";

/// Bytes of `images_outputs` in an answer.
const HUGE: u64 = 50 * MIB;

/// The daemon when it has read ordinary answers, and what it held at most until then.
async fn warm(setup: &Setup<'_>, cloud: &Cloud, jobs: usize) -> (Daemon, u64) {
    let daemon = Daemon::start(&setup.file(cloud)).await;
    daemon.shows(&[format!("modelarts_job_poll_success == {jobs}")]).await;
    let before = daemon.peak_memory();
    (daemon, before)
}

fn assert_rise(daemon: &Daemon, before: u64, most: u64) {
    let rise = daemon.peak_memory() - before;
    assert!(rise <= most, "peak memory rose by {} MiB", rise / MIB);
}

fn versions_form(images: &str) -> String {
    let model = format!(
        r#"{{"images_outputs":{{"s3://b/i.jpg":{{"logits":["{images}"]}}}},"total_metric":{{"total_metric_values":{{"recall":0.625}}}}}}"#
    );
    let model = serde_json::to_string(&model).unwrap();
    format!(
        r#"{{"is_success":true,"job_name":"huge","versions":[{{"version_id":1,"version_name":"V0001","status":10,"create_time":1600000000000,"model_metric_list":{model}}}]}}"#
    )
}

fn object_form(images: &str) -> String {
    format!(
        r#"{{"is_success":true,"job_name":"huge","version_id":1,"version_name":"V0001","status":10,"create_time":1600000000000,"model_metric_list":{{"images_outputs":{{"s3://b/i.jpg":{{"logits":["{images}"]}}}},"total_metric":{{"total_metric_values":{{"recall":0.375}}}}}}}}"#
    )
}

#[tokio::test]
async fn a_huge_answer_yields_its_scores_in_little_memory() {
    let cloud = Cloud::empty().await;
    let (fault, text, object) = (
        cloud.add_as("fault", r#""quality": {"recall": 0.875}"#).await.job_id,
        cloud.add("text").await.job_id,
        cloud.add("object").await.job_id,
    );
    let setup = Setup { tables: CAP, ..Setup::of([fault, text, object]) };
    let (daemon, before) = warm(&setup, &cloud, 3).await;

    let images = "7".repeat(usize::try_from(HUGE).unwrap());
    cloud.set_document(text, versions_form(&images)).await;
    cloud.set_document(object, object_form(&images)).await;
    drop(images);
    let fault_on =
        |on: &str| format!(r#""fault": "huge", "value": {HUGE}, "job_id": {fault}, "on": "{on}""#);
    cloud.fault(&fault_on("versions")).await;
    cloud.fault(&fault_on("detail")).await;
    let newer = |job: u64, recall: &str| {
        [
            format!("modelarts_model_recall{{job_id=\"{job}\"}} == {recall}"),
            format!("modelarts_job_poll_success{{job_id=\"{job}\"}} == 1"),
        ]
    };
    let mut expected = newer(text, "0.625").to_vec();
    expected.extend(newer(object, "0.375"));
    daemon.shows(&expected).await;
    // That the fault struck and was read, we see by the polls that follow.
    let since = daemon.scrape().await;
    let series = format!("modelarts_job_poll_last_success_timestamp_seconds{{job_id=\"{fault}\"}}");
    let twice = since.get(&series).unwrap() + 1.0;
    daemon
        .shows(&[
            format!("{series} > {twice}"),
            format!("modelarts_model_recall{{job_id=\"{fault}\"}} == 0.875"),
            "modelarts_exporter_api_errors_total{operation=\"versions\"} absent".to_owned(),
        ])
        .await;
    assert_rise(&daemon, before, 64 * MIB);
}

#[tokio::test]
async fn the_detail_of_a_new_version_may_be_huge_as_well() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("fault", r#""quality": {"recall": 0.875}"#).await.job_id;
    let other = cloud.add("other").await.job_id;
    cloud.fault(&format!(r#""fault": "not_found", "job_id": {job}, "count": 1"#)).await;
    let setup = Setup { tables: CAP, ..Setup::of([job, other]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&[format!("modelarts_job_poll_success{{job_id=\"{other}\"}} == 1")]).await;
    let before = daemon.peak_memory();
    cloud.fault(&format!(r#""fault": "huge", "value": {HUGE}, "job_id": {job}"#)).await;
    daemon
        .shows(&[
            format!("modelarts_job_poll_success{{job_id=\"{job}\"}} == 1"),
            format!("modelarts_model_recall{{job_id=\"{job}\"}} == 0.875"),
            format!(
                "modelarts_job_info{{job_id=\"{job}\",flavor=\"modelarts.vm.gpu.v100NV\"}} == 1"
            ),
        ])
        .await;
    assert_rise(&daemon, before, 64 * MIB);
}

#[tokio::test]
async fn beyond_the_limit_it_is_an_error_of_that_job_alone() {
    let cloud = Cloud::empty().await;
    let (huge, other) = (cloud.add("huge").await.job_id, cloud.add("other").await.job_id);
    let fault = format!(r#""fault": "huge", "value": {HUGE}, "job_id": {huge}, "on": "versions""#);
    cloud.fault(&fault).await;
    // The default is 16 MiB.
    let setup = Setup { poll: ONE_POLL, ..Setup::of([huge, other]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.is_ready().await;
    daemon
        .shows(&[
            "modelarts_exporter_api_errors_total{operation=\"versions\",reason=\"too_large\"} == 1"
                .to_owned(),
            "modelarts_exporter_api_errors_total == 1".to_owned(),
            format!("modelarts_job_poll_success{{job_id=\"{huge}\"}} == 0"),
            format!("modelarts_job_poll_success{{job_id=\"{other}\"}} == 1"),
            "modelarts_up == 1".to_owned(),
        ])
        .await;
    assert_eq!(daemon.logged(&["limits.answer_bytes", &format!("job_id={huge}")]), 1);
}

#[tokio::test]
async fn many_huge_answers_at_once_stay_within_four_times_the_limit() {
    const LIMIT: u64 = 16 * MIB;
    const JOBS: usize = 12;
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(cloud.add(&format!("huge-{number}")).await.job_id);
    }
    let poll = QUICK.replace("3s", "30s");
    let setup = Setup { poll: &poll, ..Setup::of(jobs.clone()) };
    let (daemon, before) = warm(&setup, &cloud, JOBS).await;
    let images = "7".repeat(usize::try_from(LIMIT).unwrap() - 4096);
    for (number, job) in jobs.iter().enumerate() {
        let in_text = number % 2 == 0;
        let document = if in_text { versions_form(&images) } else { object_form(&images) };
        cloud.set_document(*job, document).await;
    }
    let sum = (0.625 + 0.375) * JOBS as f64 / 2.0;
    daemon.shows(&[format!("modelarts_model_recall == {sum}")]).await;
    assert_rise(&daemon, before, 4 * LIMIT);
}
