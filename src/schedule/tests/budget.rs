//! One budget for everything that asks the cloud for a project.

use super::*;

/// What an hour or more of requests looks like.
struct Figures {
    /// The largest time between two polls of one job that runs.
    gap: Duration,
    /// Requests in the fullest minute.
    in_a_minute: usize,
}

/// So many minutes of polling; no job is polled twice before each was once.
async fn figures(scene: &Scene, minutes: u32, runs: impl Fn(&JobId) -> bool) -> Figures {
    let start = Instant::now();
    sleep(MINUTE * minutes).await;
    let polls = scene.polls();
    assert_eq!(polls.len(), scene.jobs.len(), "every job was polled");
    let all_once = polls.values().map(|polls| polls[0]).max();
    let twice = polls.values().filter_map(|polls| polls.get(1)).min();
    assert!(twice.is_none_or(|&twice| Some(twice) >= all_once), "{twice:?} before {all_once:?}");
    let end = Instant::now();
    let mut gap = Duration::ZERO;
    for polls in polls.iter().filter(|(job, _)| runs(job)).map(|(_, polls)| polls) {
        let marks = polls.iter().skip(1).chain([&end]);
        let largest = polls.iter().zip(marks).map(|(one, next)| *next - *one).max().unwrap();
        gap = gap.max(largest);
    }
    let state = scene.cloud.state();
    let times: Vec<_> = state.requests.iter().map(|(at, _)| *at).collect();
    let mut first = 0;
    let mut in_a_minute = 0;
    for (place, at) in times.iter().enumerate() {
        while *at - times[first] >= MINUTE {
            first += 1;
        }
        in_a_minute = in_a_minute.max(place + 1 - first);
    }
    assert!(state.most_in_flight <= 16 && state.overlaps == 0, "{}", state.most_in_flight);
    let rate = times.len() as f64 / (end - start).as_secs_f64() * 60.0;
    eprintln!("gap {gap:?}, {in_a_minute} in the fullest minute, {rate:.1} a minute on average");
    Figures { gap, in_a_minute }
}

#[tokio::test(start_paused = true)]
async fn five_thousand_running_jobs_are_polled_in_turn_whatever_the_budget() {
    for (budget, minutes) in [(60, 260), (600, 40), (0, 20)] {
        let scene = start(5000, Settings { requests_per_minute: budget, ..settings() });
        if budget > 0 {
            // Without a budget they are read at once, which makes the first round twice as long.
            scene.answers.without_detail.lock().unwrap().extend(scene.jobs.iter().cloned());
        }
        let figures = figures(&scene, minutes, |_| true).await;
        let alone = match budget {
            0 => MINUTE,
            budget => (MINUTE * 5000 / budget).max(MINUTE),
        };
        let ratio = figures.gap.as_secs_f64() / alone.as_secs_f64();
        eprintln!("budget {budget}: the largest gap is {ratio:.3} x jobs / budget");
        assert!(ratio <= 1.2, "budget {budget}: {ratio}");
        assert!(budget == 0 || figures.in_a_minute <= budget as usize, "budget {budget}");
        let shown = scene.shown_interval() / alone.as_secs_f64();
        assert!((1.0..=1.2).contains(&shown), "budget {budget}: {shown}");
        scene.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_mixed_fleet_only_what_may_change_costs_requests() {
    let code = |id: u64| match id % 10 {
        0 => RUNNING,
        1 => PENDING,
        _ => COMPLETED,
    };
    for budget in [60, 600, 0] {
        let jobs = (0..5000).map(|id| (id, code(id)));
        let scene = start_with(jobs, Settings { requests_per_minute: budget, ..settings() });
        scene.answers.without_detail.lock().unwrap().extend(scene.jobs.iter().cloned());
        let first_round = if budget == 60 { 110 } else { 20 };
        let runs = |job: &JobId| code(job.number().unwrap()) == RUNNING;
        let first = figures(&scene, first_round, runs).await;
        assert!(budget == 0 || first.in_a_minute <= budget as usize);
        // 500 that run and 250 every minute that wait are left, and five pages of the list.
        let shown = scene.shown_interval();
        let alone = if budget == 60 { 750.0 } else { 75.0 };
        assert!(budget == 0 || (1.0..=1.2).contains(&(shown / alone)), "{shown}");
        scene.cloud.state().requests.clear();
        sleep(MINUTE * 60).await;
        let polls = scene.polls();
        let gap = polls
            .iter()
            .filter(|(job, _)| runs(job))
            .flat_map(|(_, polls)| polls.windows(2).map(|pair| pair[1] - pair[0]))
            .max();
        let ratio = gap.unwrap().as_secs_f64() / shown;
        eprintln!("budget {budget}: the largest gap of a running job is {ratio:.3} x the interval");
        assert!(ratio <= 1.2, "{ratio}");
        let of_ended: usize = polls
            .iter()
            .filter(|(job, _)| code(job.number().unwrap()) == COMPLETED)
            .map(|(_, polls)| polls.len())
            .sum();
        let all = scene.cloud.state().requests.len();
        eprintln!("budget {budget}: {of_ended} of {all} requests were about jobs that have ended");
        assert!(of_ended * 20 <= all, "only details that were left for later");
        scene.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_versions_count_in_the_interval() {
    let scene = start(100, Settings { requests_per_minute: 120, ..settings() });
    scene.cloud.state().version_pages = 3;
    sleep(MINUTE * 10).await;
    let shown = scene.shown_interval();
    assert!((150.0..=170.0).contains(&shown), "{shown}");
    let before = scene.cloud.state().requests.len();
    sleep(MINUTE * 10).await;
    let requests = scene.cloud.state().requests.len() - before;
    assert!((1120..=1200).contains(&requests), "{requests} of 1200 were used");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_project_is_silent_for_as_long_as_the_cloud_asks_and_then_sends_one() {
    for budget in [0, 600] {
        let scene = start(100, Settings { requests_per_minute: budget, ..settings() });
        sleep(MINUTE).await;
        scene.cloud.state().throttle = Some(Duration::from_secs(90));
        scene.cloud.state().requests.clear();
        sleep(MINUTE * 4).await;
        let before: Vec<_> = scene.cloud.state().requests.iter().map(|(at, _)| *at).collect();
        let gaps: Vec<_> = before.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        let silences: Vec<_> = gaps.iter().filter(|&&gap| gap > 5).collect();
        assert_eq!(silences, [&90, &90], "{gaps:?}");
        assert_eq!(gaps[gaps.len() - 2..], [90, 90], "one request between two silences");
        // Each who is refused says so, and then all is well.
        scene.cloud.state().throttle = None;
        sleep(MINUTE * 3).await;
        let last = scene.answers.last.lock().unwrap();
        assert!(last.values().all(|at| at.elapsed() <= MINUTE + Duration::from_secs(1)));
        scene.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_as_the_first_after_a_silence_lets_nobody_ask() {
    let scene = start(2000, settings());
    sleep(MINUTE + Duration::from_secs(30)).await;
    let silence = Duration::from_secs(40);
    scene.cloud.state().requests.clear();
    scene.cloud.state().throttle = Some(silence);
    while scene.cloud.state().requests.is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    // Polls that start before the refusal is here come when the silence is over, while the list, which
    // is due by then, waits for its answer.
    let over = scene.cloud.state().requests[0].0 + cloud::ANSWER + silence;
    {
        let mut state = scene.cloud.state();
        (state.throttle, state.token) = (None, Some(over + cloud::ANSWER / 2));
        (state.list_throttle, state.requests) = (Some(MINUTE), Vec::new());
    }
    sleep(MINUTE * 3).await;
    let state = scene.cloud.state();
    assert_eq!(state.requests[0], (over, Asked::List));
    let next = state.requests[1].0 - over;
    assert!(next >= cloud::ANSWER + MINUTE, "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_for_the_budget_is_not_cut_off_for_it() {
    let scene = start(50, Settings { requests_per_minute: 60, ..settings() });
    scene.answers.without_detail.lock().unwrap().extend(scene.jobs.iter().cloned());
    sleep(MINUTE * 10).await;
    assert_eq!(scene.answers.without_detail.lock().unwrap().len(), 0);
    assert_eq!(*scene.answers.failed.lock().unwrap(), HashMap::new());
}
