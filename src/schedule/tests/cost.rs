//! What a load is said to cost, beside what the scheduler then asks.

use super::*;
use crate::schedule::{Cost, Load, cost, is_worth_reading};

const HOUR: Duration = Duration::from_hours(1);

/// So many jobs with these codes, and what an hour of them takes, requests a minute: polls and lists.
async fn asked(jobs: &[(usize, i64)], settings: Settings, others: usize) -> (f64, f64) {
    let codes = jobs.iter().flat_map(|(count, code)| std::iter::repeat_n(*code, *count));
    let mut scene = prepare((0..).zip(codes), settings);
    scene.cloud.state().others = others;
    scene.cloud.state().quotas = Some(Vec::new());
    scene.run();
    // The first round asks about every job once, and the budget is fitted to what it brings.
    sleep(HOUR).await;
    let counts = || {
        let lists = scene.count(|asked| *asked == Asked::List);
        (scene.count(|_| true) - lists, lists)
    };
    let before = counts();
    sleep(HOUR).await;
    let after = counts();
    scene.stop.cancel();
    let a_minute = |before: usize, after: usize| (after - before) as f64 / 60.0;
    (a_minute(before.0, after.0), a_minute(before.1, after.1))
}

fn is_near(found: f64, said: f64) -> bool {
    (found - said).abs() <= said * 0.03 + 0.02
}

#[tokio::test(start_paused = true)]
async fn a_load_costs_what_is_then_asked() {
    let jobs = [(30, RUNNING), (20, PENDING), (10, COMPLETED)];
    let settings = settings();
    // Read whole, and too long to be worth it.
    for (others, pages) in [(0, 1), (2500, 3), (70_000, 71)] {
        let is_read = is_worth_reading(pages, 60);
        assert_eq!(is_read, others < 70_000);
        let load = Load {
            waiting: 20,
            ended: if is_read { 0 } else { 10 },
            ..Load::running(30, if is_read { pages } else { 0 })
        };
        let said = cost(&settings, &load);
        let (polls, lists) = asked(&jobs, settings, others).await;
        assert!(is_near(polls, said.running + said.waiting + said.ended), "{polls} {said:?}");
        // Whether it has become shorter is looked at now and then.
        assert!(is_near(lists, if is_read { said.list } else { 0.1 }), "{lists} {said:?}");
        assert_eq!(said.interval, settings.interval);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_the_budget_cannot_hold_is_said_to_stretch_as_it_does() {
    let settings = Settings { requests_per_minute: 30, ..settings() };
    let said = cost(&settings, &Load { waiting: 40, ..Load::running(80, 1) });
    let (polls, lists) = asked(&[(80, RUNNING), (40, PENDING)], settings, 0).await;
    let Cost { interval, list_interval, .. } = said;
    assert!(interval > settings.interval * 3, "{said:?}");
    let stretch = interval.as_secs_f64() / settings.interval.as_secs_f64();
    assert!(is_near(polls, (said.running + said.waiting) / stretch), "{polls} {said:?}");
    assert!(is_near(lists, 60.0 / list_interval.as_secs_f64()), "{lists} {said:?}");
}

#[tokio::test(start_paused = true)]
async fn quotas_are_in_what_a_load_costs() {
    let settings = Settings { asks_quotas: true, requests_per_minute: 1, ..settings() };
    let said = cost(&settings, &Load::running(5, 0));
    let (polls, _) = asked(&[(5, RUNNING)], settings, 70_000).await;
    let stretch = said.interval.as_secs_f64() / settings.interval.as_secs_f64();
    assert!(is_near(said.quotas, 0.2), "{said:?}");
    assert!(is_near(polls, said.running / stretch + said.quotas), "{polls} {said:?}");
}
