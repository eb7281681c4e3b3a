//! How often each job is polled.

use super::*;

#[tokio::test(start_paused = true)]
async fn polls_are_spread_over_the_interval() {
    let scene = start(600, settings());
    let start = Instant::now();
    sleep(MINUTE * 3).await;
    let mut by_second = [0; 60];
    for at in scene.polls().values().flatten().map(|at| *at - start) {
        if (MINUTE..MINUTE * 2).contains(&at) {
            by_second[usize::try_from(at.as_secs()).unwrap() - 60] += 1;
        }
    }
    assert!(by_second.iter().all(|count| (9..=11).contains(count)), "{by_second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_is_polled_less_often() {
    let scene = start_with([(0, RUNNING), (1, PENDING)].into_iter(), settings());
    sleep(MINUTE * 20).await;
    assert!((20..=22).contains(&scene.polls_of(0)), "{}", scene.polls_of(0));
    assert!((10..=12).contains(&scene.polls_of(1)), "{}", scene.polls_of(1));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_keeps_its_interval_when_a_poll_fails() {
    let scene = start_with([(0, PENDING)].into_iter(), settings());
    let job = &scene.jobs[0];
    sleep(MINUTE * 3).await;
    scene.hang(0..1);
    sleep(MINUTE * 5).await;
    assert!(scene.answers.failed.lock().unwrap()[job] >= 2);
    assert_eq!(scene.answers.intervals.lock().unwrap()[job], MINUTE * 2);
}
