//! Jobs that come and go while the poller runs.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_job_that_is_added_is_polled_and_one_that_is_removed_is_not() {
    let mut scene = start(3, settings());
    sleep(MINUTE * 3).await;
    let added = scene.cloud.add(7, RUNNING);
    scene
        .change(|poller| {
            poller.add(spec(&added));
            poller.remove(&JobId::from(1));
            poller.remove(&JobId::from(99));
        })
        .await;
    let before = scene.polls_of(1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.polls_of(7), 1, "at once");
    sleep(MINUTE * 10).await;
    assert_eq!(scene.polls_of(1), before);
    assert!((11..=12).contains(&scene.polls_of(7)), "{}", scene.polls_of(7));
    assert_eq!(*scene.answers.removed.lock().unwrap(), [JobId::from(1)]);
}

#[tokio::test(start_paused = true)]
async fn jobs_added_one_by_one_are_spread_over_the_interval() {
    let mut scene = prepare(std::iter::empty(), settings());
    let jobs: Vec<_> = (0..600).map(|id| scene.cloud.add(id, RUNNING)).collect();
    scene
        .change(|poller| {
            for job in &jobs {
                poller.add(spec(job));
            }
        })
        .await;
    let start = Instant::now();
    sleep(MINUTE * 3).await;
    let mut by_ten_seconds = [0; 6];
    for at in scene.polls().values().flatten().map(|at| (*at - start).as_secs()) {
        if (60..120).contains(&at) {
            by_ten_seconds[usize::try_from(at / 10).unwrap() - 6] += 1;
        }
    }
    assert!(by_ten_seconds.iter().all(|count| (95..=105).contains(count)), "{by_ten_seconds:?}");
}
