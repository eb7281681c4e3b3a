//! Jobs that hang, beside jobs that are well.

use super::*;

#[tokio::test(start_paused = true)]
async fn jobs_that_begin_to_hang_delay_no_other() {
    let scene = start(1000, settings());
    assert!(scene.oldest_over(MINUTE * 3).await <= Duration::from_secs(61), "all is well");
    scene.hang((0..1000).filter(|job| job % 5 == 0));
    let oldest = scene.oldest_over(MINUTE * 15).await;
    assert!(oldest <= Duration::from_secs(75), "{oldest:?}");
    let state = scene.cloud.state();
    assert!(state.most_in_flight <= 16, "{}", state.most_in_flight);
    assert_eq!(state.overlaps, 0);
    assert_eq!(scene.answers.failed.lock().unwrap().len(), 200);
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn jobs_that_hang_from_the_start_delay_no_other_and_are_polled_again_once_they_answer() {
    let scene = start(1000, settings());
    scene.hang(0..200);
    let oldest = scene.oldest_over(MINUTE * 15).await;
    assert!(oldest <= Duration::from_secs(75), "{oldest:?}");
    assert_eq!(scene.answers.last.lock().unwrap().len(), 800, "every well job has an answer");
    scene.hang(std::iter::empty());
    sleep(MINUTE * 2).await;
    assert_eq!(scene.answers.last.lock().unwrap().len(), 1000);
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_slow_for_everybody_loses_no_poll() {
    // 16 slots, 80 ms a poll, 10,000 jobs: a round takes 50 s, and every slot is always in use.
    let scene = start(10_000, settings());
    scene.oldest_over(MINUTE * 5).await;
    assert!(scene.answers.failed.lock().unwrap().is_empty());
    assert_eq!(scene.answers.last.lock().unwrap().len(), 10_000);
    scene.stop.cancel();
}
