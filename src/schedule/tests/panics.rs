//! A mistake of ours in one poll, beside jobs that are well.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_poll_that_panics_costs_its_job_alone_and_is_counted() {
    let scene = start(100, settings());
    let struck = JobId::from(7);
    scene.cloud.state().panicking.insert(struck.clone());
    sleep(MINUTE * 5).await;
    assert!(scene.answers.failed.lock().unwrap()[&struck] >= 4);
    assert_eq!(scene.answers.failed.lock().unwrap().len(), 1);
    assert_eq!(scene.answers.last.lock().unwrap().len(), 99);
    let reasons = scene
        .own
        .read()
        .into_iter()
        .filter(|reading| reading.family.name == "modelarts_exporter_api_errors_total");
    let reasons: Vec<_> = reasons.flat_map(|reading| reading.series).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(format!("{reasons:?}").contains("internal"), "{reasons:?}");

    scene.cloud.state().panicking.clear();
    sleep(MINUTE * 2).await;
    assert_eq!(scene.answers.last.lock().unwrap().len(), 100);
    scene.stop.cancel();
}
