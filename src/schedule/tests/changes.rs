//! Jobs that come and go while the poller runs.

use super::*;

fn discovering() -> Settings {
    Settings { discovers: true, ..settings() }
}

#[tokio::test(start_paused = true)]
async fn a_job_the_list_adds_is_polled_and_one_it_lacks_is_not() {
    let scene = start(3, discovering());
    sleep(MINUTE * 3).await;
    assert!((0..3).all(|job| (3..=4).contains(&scene.polls_of(job))));
    scene.cloud.add(7, RUNNING);
    scene.cloud.state().jobs.remove(&JobId::from(1));
    sleep(MINUTE).await;
    let before = scene.polls_of(1);
    assert!((1..=2).contains(&scene.polls_of(7)), "as soon as the list shows it");
    sleep(MINUTE * 10).await;
    assert_eq!(scene.polls_of(1), before);
    assert!((10..=12).contains(&scene.polls_of(7)), "{}", scene.polls_of(7));
}

#[tokio::test(start_paused = true)]
async fn the_first_job_may_come_long_after_the_start() {
    let scene = start(0, discovering());
    sleep(MINUTE * 10).await;
    scene.cloud.add(7, RUNNING);
    sleep(MINUTE * 2).await;
    assert!((1..=2).contains(&scene.polls_of(7)), "{}", scene.polls_of(7));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_may_have_slipped_between_two_pages_is_asked_for() {
    let scene = start(3, Settings { interval: MINUTE * 30, ..discovering() });
    sleep(MINUTE * 3).await;
    let before = scene.polls_of(1);
    scene.cloud.change(1, |job| job.hidden = true);
    scene.cloud.state().list_shifts = true;
    sleep(MINUTE).await;
    assert_eq!(scene.polls_of(1), before + 1, "at once");
    assert!(scene.answers.followed.lock().unwrap().contains(&JobId::from(1)));
    scene.cloud.state().list_shifts = false;
    sleep(MINUTE * 60).await;
    assert_eq!(scene.polls_of(1), before + 1, "then it is known to have left");
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_to_its_end_however_few_jobs_of_it_are_polled() {
    let scene = start_with((0..3).map(|id| (id, COMPLETED)), discovering());
    scene.cloud.state().others = 20_000;
    sleep(MINUTE * 60).await;
    let requests = scene.count(|asked| *asked == Asked::List);
    assert!((59 * 21..=61 * 21).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn what_came_of_a_list_without_end_is_followed_and_the_rest_counted() {
    let scene = start(3, discovering());
    scene.cloud.state().others = 150_000;
    sleep(MINUTE * 10).await;
    assert!(scene.polls_of(1) >= 9);
    let misread = scene.own.read().into_iter().find(|reading| {
        reading.family.name == "modelarts_exporter_decode_errors_total"
            && !reading.series.is_empty()
    });
    assert!(misread.is_some(), "it is counted");
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_found_together_are_spread_over_the_interval() {
    let scene = start(600, discovering());
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

#[tokio::test(start_paused = true)]
async fn jobs_that_are_found_are_known_by_the_interval_the_budget_allows() {
    let scene = start(600, Settings { requests_per_minute: 60, ..discovering() });
    sleep(MINUTE * 30).await;
    scene.cloud.add(7_000, RUNNING);
    sleep(MINUTE * 2).await;
    let told = scene.answers.intervals.lock().unwrap()[&JobId::from(7_000)];
    assert!(told >= MINUTE * 9, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_list_finds_and_lets_go_is_not_polled() {
    let scene = start(2, discovering());
    scene.answers.passing.lock().unwrap().insert(JobId::from(1));
    sleep(MINUTE * 10).await;
    assert!(scene.polls_of(0) >= 9);
    assert_eq!(scene.polls_of(1), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_list_brings_and_takes_jobs_away_like_one_that_comes() {
    let mut scene = prepare((0..3).map(|id| (id, RUNNING)), discovering());
    scene.cloud.state().list_is_refused = true;
    scene.answers.ours_by_id.lock().unwrap().insert(JobId::from(1));
    scene.run();
    sleep(MINUTE * 10).await;
    assert_eq!([0, 2].map(|job| scene.polls_of(job)), [0, 0]);
    assert!((10..=11).contains(&scene.polls_of(1)), "{}", scene.polls_of(1));
    scene.cloud.state().list_is_refused = false;
    scene.cloud.change(1, |job| job.hidden = true);
    sleep(MINUTE).await;
    let before = scene.polls_of(1);
    sleep(MINUTE * 10).await;
    assert_eq!(scene.polls_of(1), before, "it is not ours by its name");
    assert!([0, 2].iter().all(|&job| (10..=12).contains(&scene.polls_of(job))));
}
