//! The scene in which the daemon is killed again and again while versions end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use modelarts_exporter::model::Api;
use tempfile::TempDir;
use tokio::time::{Instant, interval, timeout};

use super::account::{Account, OUTCOMES, SHARED_NAME};
use super::{Cloud, Daemon, Scrape, Setup};

/// How large the scene is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) api: Api,
    pub(crate) kills: u32,
    /// Names whose runs end one after another: versions of one job, of which it has room for as many as
    /// end in about four kills, or jobs of v2.
    pub(crate) names: usize,
}

/// Between two ends: half as often again as there have to be.
const END_EVERY: Duration = Duration::from_millis(125);

/// Ends a second that there are at least.
const LEAST_ENDS: f64 = 5.0;

/// From the start of a process to its kill, at most; every shorter time is as likely. In a longer life
/// several writes have come to their end, the shortest does not listen yet.
const LONGEST_LIFE: Duration = Duration::from_secs(3);

/// Between two scrapes: an order of magnitude more often than anything is written.
const SCRAPE_EVERY: Duration = Duration::from_millis(25);

/// The configuration for these jobs with a state file in that folder.
pub(crate) fn keeping(folder: &Path, jobs: impl IntoIterator<Item = u64>, cloud: &Cloud) -> String {
    Setup { tables: &state(folder), ..Setup::of(jobs) }.file(cloud)
}

/// The same for all jobs of v2 that there are and will be, and the names that they share.
pub(crate) fn finding(folder: &Path, cloud: &Cloud) -> String {
    let project = format!("{SHARED_NAME}\ndiscovery = {{ enabled = true }}");
    let setup = Setup { tables: &state(folder), project: &project, ..Setup::new() };
    setup.with_api("p", Api::V2, []).file(cloud)
}

fn state(folder: &Path) -> String {
    format!("[state]\nfile = \"{}\"\n", folder.join("state").display())
}

/// No count falls from one scrape to the next, whatever happened in between, and none is missing once
/// it was there; at the end each is what the cloud itself would say.
#[expect(clippy::print_stderr, reason = "figures are looked at where a test passes, too")]
pub(crate) async fn survive(size: Size) {
    let Size { api, kills, names } = size;
    let seed = fastrand::u64(..);
    eprintln!("the moments of the kills are of seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (cloud, folder) = (Cloud::empty().await, TempDir::new().unwrap());
    let mut jobs = Vec::new();
    for place in 0..names {
        jobs.push(begin(&cloud, api, place, 0).await);
    }
    let config = match api {
        Api::V1 => keeping(folder.path(), jobs.iter().map(|job| job.parse().unwrap()), &cloud),
        Api::V2 => finding(folder.path(), &cloud),
    };
    let mut watch = Watch::default();
    // All jobs are known as running before the first of them ends.
    let running: Vec<_> = (0..names)
        .map(|place| format!("modelarts_job_runs_total{{job_name=\"{}\"}} == 0", name(place)))
        .collect();
    Daemon::start(&config).await.shows(&running).await;

    let (began, mut ends) = (Instant::now(), 0_u32);
    let ending = async {
        let mut ticks = interval(END_EVERY);
        loop {
            ticks.tick().await;
            let place = ends as usize % names;
            let outcome = OUTCOMES[(ends % 3) as usize];
            cloud.set_status(&jobs[place], outcome).await;
            ends += 1;
            jobs[place] = begin(&cloud, api, place, ends).await;
        }
    };
    let killing = async {
        for _ in 0..kills {
            // A process that is let go of is killed, with SIGKILL.
            let life = timeout(LONGEST_LIFE.mul_f64(random.f64()), watch.live(&config));
            assert!(life.await.is_err(), "nothing else ends it");
        }
    };
    tokio::select! {
        () = ending => unreachable!("it never ends"),
        () = killing => {}
    }
    let rate = f64::from(ends) / began.elapsed().as_secs_f64();
    let Watch { lives, scrapes, .. } = watch;
    eprintln!(
        "{kills} kills, {lives} of them after a scrape; {scrapes} scrapes, {rate:.1} ends a second"
    );
    assert!(rate >= LEAST_ENDS && lives >= kills / 3, "too little happened");

    let expected = expected(&Account::of(&cloud, api).await);
    watch.look(&Daemon::start(&config).await.shows(&expected).await);
}

fn name(place: usize) -> String {
    format!("busy-{place}")
}

/// Begins the next run of a name, and says the id of its job. A job of v2 has its number behind the name.
async fn begin(cloud: &Cloud, api: Api, place: usize, run: u32) -> String {
    let name = match api {
        Api::V1 => name(place),
        Api::V2 => format!("{}-{run:08}", name(place)),
    };
    cloud.add_in(api, &name, "").await
}

/// Counted ends by all of their labels.
type Totals = BTreeMap<String, f64>;

/// A scraper that outlives every process.
#[derive(Default)]
struct Watch {
    last: Totals,
    /// Processes that were scraped.
    lives: u32,
    scrapes: u32,
}

impl Watch {
    /// One process, scraped for as long as it lives.
    async fn live(&mut self, config: &str) -> Infallible {
        let daemon = Daemon::start(config).await;
        let mut ticks = interval(SCRAPE_EVERY);
        self.look(&daemon.scrape().await);
        self.lives += 1;
        loop {
            ticks.tick().await;
            self.look(&daemon.scrape().await);
        }
    }

    fn look(&mut self, scrape: &Scrape) {
        let mut now = Totals::new();
        for name in ["modelarts_job_runs_total", "modelarts_runs_total"] {
            for sample in scrape.find(name) {
                now.insert(format!("{name}{:?}", sample.labels), sample.value);
            }
        }
        for (series, before) in &self.last {
            let value = now.get(series);
            assert!(
                value.is_some_and(|value| value >= before),
                "{series}: {before}, then {value:?}"
            );
        }
        self.last = now;
        self.scrapes += 1;
    }
}

/// What the metrics have to come to, by the cloud's own account.
fn expected(account: &Account) -> Vec<String> {
    let mut expected = Vec::new();
    for (name, runs) in account.ends() {
        for (outcome, count) in OUTCOMES.iter().zip(runs) {
            expected.push(format!(
                "modelarts_job_runs_total{{job_name=\"{name}\",outcome=\"{outcome}\"}} == {count}"
            ));
        }
    }
    for (outcome, count) in OUTCOMES.iter().zip(account.runs()) {
        expected.push(format!("modelarts_runs_total{{outcome=\"{outcome}\"}} == {count}"));
    }
    expected
}
