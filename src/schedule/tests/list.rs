//! What the list of jobs spares, and what it sets off.

use super::*;

fn lists(scene: &Scene) -> usize {
    scene.count(|asked| *asked == Asked::List)
}

#[tokio::test(start_paused = true)]
async fn an_ended_job_is_polled_once_and_then_left_to_the_list() {
    let scene = start_with((0..100).map(|id| (id, COMPLETED)), settings());
    sleep(MINUTE * 60).await;
    assert!(scene.polls().values().all(|polls| polls.len() == 1));
    assert!((60..=61).contains(&lists(&scene)), "{}", lists(&scene));
    let oldest = scene.answers.listed.lock().unwrap().values().map(Instant::elapsed).max();
    assert!(oldest <= Some(MINUTE + Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_lost_is_polled_on() {
    let scene = start_with([(1, LOST)].into_iter(), settings());
    sleep(MINUTE * 20).await;
    assert!(scene.polls_of(1) >= 20, "{}", scene.polls_of(1));
}

#[tokio::test(start_paused = true)]
async fn what_the_list_says_anew_has_the_job_polled_at_once() {
    let jobs = [(1, COMPLETED), (2, PENDING), (3, COMPLETED), (4, RUNNING)];
    let quick = Settings { list_interval: Duration::from_secs(10), ..settings() };
    let slow = Settings { pending_interval: MINUTE * 60, interval: MINUTE * 60, ..quick };
    let scene = start_with(jobs.into_iter(), slow);
    sleep(MINUTE * 70).await;
    let before: Vec<_> = (1..=4).map(|job| scene.polls_of(job)).collect();
    scene.cloud.change(1, |job| (job.version, job.code) = (2, RUNNING));
    scene.cloud.change(2, |job| job.code = RUNNING);
    scene.cloud.change(4, |job| job.code = COMPLETED);
    sleep(Duration::from_secs(11)).await;
    let after: Vec<_> = (1..=4).map(|job| scene.polls_of(job)).collect();
    let polled: Vec<_> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
    assert_eq!(polled, [1, 1, 0, 1]);
    scene.cloud.state().jobs.remove(&JobId::from(3));
    sleep(Duration::from_secs(11)).await;
    assert_eq!(scene.polls_of(3), after[2] + 1, "it left the list");
    assert!(scene.answers.gone.lock().unwrap().contains(&JobId::from(3)));
    let trouble = scene.answers.trouble.lock().unwrap();
    assert_eq!(trouble[&Some(JobId::from(3))], Some(Reason::NotFound));
    assert_eq!((trouble[&Some(JobId::from(1))], trouble[&None]), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_job_the_cloud_does_not_know_is_asked_for_seldom_until_the_list_shows_it() {
    let scene = start(2, settings());
    sleep(MINUTE * 2).await;
    let known = scene.cloud.state().jobs.remove(&JobId::from(1)).unwrap();
    sleep(MINUTE * 2).await;
    let before = scene.polls_of(1);
    sleep(MINUTE * 60).await;
    let polled = scene.polls_of(1) - before;
    assert!((5..=7).contains(&polled), "{polled}");
    scene.cloud.state().jobs.insert(JobId::from(1), known);
    sleep(MINUTE + Duration::from_secs(1)).await;
    assert_eq!(scene.answers.last.lock().unwrap()[&JobId::from(1)].elapsed().as_secs() / 61, 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_only_the_list_knows_is_asked_for_seldom() {
    let scene = start(2, settings());
    sleep(MINUTE * 2).await;
    scene.cloud.change(1, |job| job.forgotten = true);
    sleep(MINUTE * 4).await;
    let before = scene.polls_of(1);
    sleep(MINUTE * 60).await;
    let polled = scene.polls_of(1) - before;
    assert!((5..=7).contains(&polled), "{polled}");
    // What the list says anew has it asked for at once.
    scene.cloud.change(1, |job| (job.forgotten, job.version) = (false, 2));
    let before = scene.polls_of(1);
    sleep(MINUTE * 5 + Duration::from_secs(1)).await;
    let polled = scene.polls_of(1) - before;
    assert!((4..=6).contains(&polled), "and on its interval from then on: {polled}");
}

#[tokio::test(start_paused = true)]
async fn where_the_list_does_not_help_ended_jobs_are_polled_at_the_slower_pace() {
    // Refused; not shown, as in another workspace; and refused after it had helped.
    for case in 0..3 {
        let scene = start_with([(1, COMPLETED), (2, COMPLETED)].into_iter(), settings());
        scene.cloud.state().list_is_refused = case == 0;
        scene.cloud.change(1, |job| job.hidden = case == 1);
        sleep(MINUTE * 10).await;
        if case == 2 {
            scene.cloud.state().list_is_refused = true;
        }
        let before = scene.polls_of(1);
        sleep(MINUTE * 22).await;
        let polled = scene.polls_of(1) - before;
        assert!((9..=12).contains(&polled), "case {case}: {polled}");
        assert_eq!(scene.polls_of(2) == 1, case == 1, "case {case}");
        assert!(scene.answers.failed.lock().unwrap().is_empty());
        scene.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_list_does_not_help_ages_are_judged_by_when_an_ended_job_is_polled() {
    let seldom = Settings { list_interval: MINUTE * 30, ..settings() };
    let scene = start_with([(1, COMPLETED)].into_iter(), seldom);
    scene.cloud.state().list_is_refused = true;
    sleep(MINUTE * 200).await;
    let polls = &scene.polls()[&scene.jobs[0]];
    let gap = polls.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let told = scene.answers.intervals.lock().unwrap()[&scene.jobs[0]];
    assert!(gap > MINUTE * 30 && gap <= told + Duration::from_secs(1), "{gap:?} {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_costs_more_than_it_spares_is_hardly_read() {
    let scene = start_with((0..3).map(|id| (id, COMPLETED)), settings());
    scene.cloud.state().others = 20_000;
    sleep(MINUTE * 60).await;
    assert!((6..=7).contains(&lists(&scene)), "{}", lists(&scene));
    assert!((29..=31).contains(&scene.polls_of(1)), "{}", scene.polls_of(1));
    scene.cloud.state().others = 1000;
    sleep(MINUTE * 11).await;
    let before = scene.polls_of(1);
    sleep(MINUTE * 10).await;
    assert_eq!(scene.polls_of(1), before, "it pays again");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_has_no_end_is_hardly_read_however_many_jobs_there_are() {
    let scene = start_with((0..200).map(|id| (id, COMPLETED)), settings());
    scene.cloud.state().others = 150_000;
    sleep(MINUTE * 60).await;
    assert!((6..=7).contains(&lists(&scene)), "{}", lists(&scene));
}

#[tokio::test(start_paused = true)]
async fn a_list_and_a_poll_that_contradict_each_other_do_not_make_a_poll_each_time() {
    let scene = start_with([(1, COMPLETED)].into_iter(), settings());
    sleep(MINUTE * 2).await;
    scene.cloud.state().list_lags = true;
    scene.cloud.change(1, |job| job.version = 3);
    let before = scene.polls_of(1);
    sleep(MINUTE * 20).await;
    let polled = scene.polls_of(1) - before;
    assert!((9..=12).contains(&polled), "the slower pace: {polled}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_alone_is_throttled_leaves_the_jobs_their_turns() {
    let mut scene = prepare((0..20).map(|id| (id, RUNNING)), settings());
    scene.cloud.state().list_throttle = Some(MINUTE);
    scene.run();
    let oldest = scene.oldest_over(MINUTE * 30).await;
    assert!(oldest <= MINUTE * 3, "{oldest:?}");
    assert_eq!(scene.answers.last.lock().unwrap().len(), 20);
    let lists = scene.count(|asked| *asked == Asked::List);
    assert!((10..=20).contains(&lists), "it is asked on, at half the pace: {lists}");
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn what_a_job_was_not_asked_on_purpose_was_not_missed() {
    // The list shows that it rests; it is refused, and seldom; and details wait for the budget.
    let seldom = Settings { list_interval: MINUTE * 30, ..settings() };
    let small = Settings { requests_per_minute: 30, ..settings() };
    for (is_refused, details, settings) in
        [(false, false, settings()), (true, false, seldom), (false, true, small)]
    {
        let mut scene = prepare((0..200).map(|id| (id, COMPLETED)), settings);
        scene.cloud.state().list_is_refused = is_refused;
        if details {
            scene.answers.without_detail.lock().unwrap().extend(scene.jobs.iter().cloned());
        }
        scene.run();
        sleep(MINUTE * 100).await;
        scene.cloud.state().list_is_refused = false;
        scene.cloud.change(1, |job| (job.version, job.code) = (2, RUNNING));
        sleep(MINUTE * 40).await;
        assert!(scene.polls_of(1) > 5, "{}", scene.polls_of(1));
        let missed = scene.shown("modelarts_exporter_polls_missed_total");
        assert!(missed < 0.5, "{is_refused} {details}: {missed}");
        scene.stop.cancel();
    }
}
