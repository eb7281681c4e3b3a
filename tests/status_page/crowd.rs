use std::time::{Duration, Instant};

use super::*;

/// A page takes no longer, also where the machine is busy with tests and the code is not optimised.
const QUICK_ENOUGH: Duration = Duration::from_secs(2);

/// A page is no larger: a second over a slow telephone.
const SMALL_ENOUGH: usize = 300_000;

#[expect(clippy::disallowed_methods, reason = "nothing is paused here")]
async fn timed(daemon: &Daemon, path: &str) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = daemon.get(path).await;
    (answer, began.elapsed())
}

#[tokio::test]
async fn ten_thousand_jobs_are_looked_at_page_by_page() {
    const JOBS: usize = 10_000;
    let cloud = Cloud::start(Settings { jobs: Some(JOBS), ..Cloud::no_jobs() }).await;
    let setup = Setup { poll: ONE_POLL, ..setup() };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.says("/", &["Page 1 of 100, 10,000 jobs"]).await;
    let mut seen = Vec::new();
    for page in 1..=100 {
        let (answer, took) = timed(&daemon, &format!("/?sort=name&page={page}")).await;
        seen.extend(names(&answer.text).into_iter().map(str::to_owned));
        if page % 33 == 1 {
            eprintln!("page {page} of 10,000 jobs: {took:.1?}, {} bytes", answer.text.len());
        }
        assert!(took < QUICK_ENOUGH && answer.text.len() < SMALL_ENOUGH, "page {page}: {took:?}");
    }
    assert_eq!(seen.len(), JOBS);
    assert!(seen.is_sorted_by_key(|name| name.to_lowercase()), "in one order over all pages");
    let (answer, took) = timed(&daemon, "/?q=999&sort=quality").await;
    let found = seen.iter().filter(|name| name.contains("999")).count();
    eprintln!("{found} names with 999 in them: {took:.1?}, {} bytes", answer.text.len());
    assert!(took < QUICK_ENOUGH && names(&answer.text).len() >= found.min(100));
    let (scrape, took) = timed(&daemon, "/metrics").await;
    eprintln!("a scrape after that: {took:.1?}, {} bytes", scrape.text.len());
}
