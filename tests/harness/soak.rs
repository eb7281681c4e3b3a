//! The scene in which jobs come and go all day, by a clock that runs fast, while the cloud has its
//! troubles.

use std::collections::BTreeMap;
use std::time::Duration;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Scenario, Settings};
use tempfile::TempDir;
use tokio::time::Instant;

use super::account::{Account, COMPARED, SHARED_NAME, shown_names};
use super::{Cloud, Daemon, PATIENCE, Scrape, Setup, wait_for};

/// How large the scene is. Times are by the cloud's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) api: Api,
    /// Jobs that appear in a day.
    pub(crate) jobs_a_day: usize,
    /// For so long jobs come and go.
    pub(crate) length: Duration,
    /// How long a job stays listed after its last end, at least.
    pub(crate) stay: Duration,
    /// `limits.finished_retention`.
    pub(crate) retention: Duration,
    /// Memory and files at the end are those after the warm-up, or more by at most this part. Less is
    /// no fault: that nothing is lost is seen at every look.
    pub(crate) growth: f64,
    /// Between two comparisons with the account.
    pub(crate) between_looks: Duration,
}

/// A day in ten minutes.
const SPEED: f64 = 144.0;

/// `limits.outcome_retention` is so many times `limits.finished_retention`.
const OUTCOME_RETENTION: f64 = 1.5;

/// A job waits and runs for no longer, unless it is one of the few that run twice.
const LIFE: Duration = Duration::from_mins(20);

/// `poll.concurrency`.
const IN_FLIGHT: usize = 16;

/// Connections at a look: while a request waits for one to be made it may be given one that has become
/// free, so that there are up to two for each, and some to the daemon itself.
const MOST_CONNECTIONS: usize = 2 * IN_FLIGHT + 8;

/// A minute of the cloud's clock.
const LIST_INTERVAL: Duration = Duration::from_millis(420);

/// What goes wrong, one after another. None hides an end for as long as it is listed, and none is held
/// against the credentials.
const TROUBLES: [&str; 12] = [
    r#""fault": "server_error", "on": "list""#,
    r#""fault": "reset", "on": "any""#,
    r#""fault": "duplicate_page", "on": "list""#,
    r#""fault": "throttle", "on": "versions", "value": 1"#,
    r#""fault": "truncated", "on": "any""#,
    r#""fault": "hang", "on": "versions", "count": 5"#,
    r#""fault": "html", "on": "any""#,
    r#""fault": "skipped_page", "on": "list""#,
    r#""fault": "latency", "on": "any", "value": 300"#,
    r#""fault": "expired_token", "on": "any""#,
    r#""fault": "wrong_types", "on": "versions""#,
    r#""fault": "rejected", "on": "list""#,
];

/// How long each lasts, by the cloud's clock: a second, a quarter of the ten minutes that an end is
/// listed for at least.
const TROUBLE_LASTS: Duration = Duration::from_secs(144);

/// Ages are looked at every few seconds, and it takes a moment until nothing is shown any more.
const LATE: Duration = Duration::from_secs(15);

/// The scene.
struct Soak {
    size: Size,
    cloud: Cloud,
    daemon: Daemon,
    /// When a job of each name was last listed, and since when none is.
    names: BTreeMap<String, (Instant, Option<Instant>)>,
    troubles: usize,
}

/// What the daemon holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory: u64,
    /// Those that are no connections.
    files: usize,
}

impl Held {
    /// The least at any of these looks. What is above it is chance: pages that the allocator has not
    /// given back yet, a file that is just being written.
    fn least(looks: &[Self]) -> Option<Self> {
        let memory = looks.iter().map(|held| held.memory).min()?;
        Some(Self { memory, files: looks.iter().map(|held| held.files).min()? })
    }
}

impl Size {
    /// After so long the daemon needs no more memory than it has. A retention alone would be too short:
    /// a job that is not listed any more is remembered for one, should it come back, so that there is
    /// more and more to remember until the first is forgotten.
    fn warm_up(&self) -> Duration {
        LIFE + self.stay + self.retention
    }
}

/// At every look the daemon shows the versions that live and no end too many or too few; in the end it
/// holds what it held after the warm-up.
pub(crate) async fn hold(size: Size) {
    let settings = Settings {
        scenario: Scenario::Churn,
        jobs: Some(size.jobs_a_day),
        stay: size.stay,
        speed: 0.0,
        ..Settings::default()
    };
    let cloud = Cloud::start(settings).await;
    let folder = TempDir::new().unwrap();
    let daemon = Daemon::start(&configuration(&size, &folder, &cloud)).await;
    daemon.is_ready().await;
    let mut soak = Soak { size, cloud, daemon, names: BTreeMap::new(), troubles: 0 };
    let start = soak.cloud.clock().await;
    let (mut end, mut held) = (start, Vec::new());
    while end < start + size.length.as_secs_f64() {
        end += size.between_looks.as_secs_f64();
        soak.live_until(end).await;
        let look = soak.look((end - start) / 3600.0).await;
        if end - start > size.warm_up().as_secs_f64() {
            held.push(look);
        }
    }
    soak.finish(&held).await;
}

fn configuration(size: &Size, folder: &TempDir, cloud: &Cloud) -> String {
    let poll = format!(
        "interval = \"1s\"\npending_interval = \"2s\"\nlist_interval = \"{}ms\"\ntimeout = \"2s\"\n\
         max_staleness = \"30s\"\nlost_after = \"5m\"\nrequests_per_minute = 0\n\
         concurrency = {IN_FLIGHT}",
        LIST_INTERVAL.as_millis()
    );
    let retention = real(size.retention);
    let tables = format!(
        "[limits]\nfinished_retention = \"{}ms\"\noutcome_retention = \"{}ms\"\n\
         [state]\nfile = \"{}\"",
        retention.as_millis(),
        retention.mul_f64(OUTCOME_RETENTION).as_millis(),
        folder.path().join("state").display()
    );
    let project = format!("{SHARED_NAME}\ndiscovery = {{ enabled = true }}");
    let setup = Setup { poll: &poll, tables: &tables, project: &project, ..Setup::new() };
    setup.with_api("p", size.api, []).file(cloud)
}

/// What a time of the cloud's clock is by ours.
fn real(simulated: Duration) -> Duration {
    simulated.div_f64(SPEED)
}

impl Soak {
    /// Lets the clock run until then, with two troubles on the way.
    async fn live_until(&mut self, end: f64) {
        self.cloud.set_speed(SPEED).await;
        let (span, lasts) = (self.size.between_looks.as_secs_f64(), TROUBLE_LASTS.as_secs_f64());
        for begin in [end - span * 0.75, end - span * 0.4] {
            self.clock_shows(begin).await;
            self.cloud.fault(TROUBLES[self.troubles % TROUBLES.len()]).await;
            self.troubles += 1;
            self.clock_shows(begin + lasts).await;
            self.cloud.heal().await;
        }
        self.clock_shows(end).await;
        self.cloud.set_speed(0.0).await;
    }

    async fn clock_shows(&self, time: f64) {
        let what = "the cloud's clock";
        wait_for(PATIENCE, what, async || match self.cloud.clock().await {
            now if now >= time => Ok(()),
            now => Err(format!("{:.0} s to go", time - now)),
        })
        .await;
    }

    /// With the clock stopped, waits until the daemon has caught up.
    #[expect(clippy::print_stdout, reason = "a long test says how far it is")]
    async fn look(&mut self, hour: f64) -> Held {
        let account = Account::of(&self.cloud, self.size.api).await;
        let began = Instant::now();
        let retention = self.size.retention.as_secs_f64();
        self.note_names(&account);
        wait_for(PATIENCE, "the daemon to have caught up", async || {
            let scrape = Scrape::read(&self.daemon.get(COMPARED).await.text);
            // The daemon's clock goes on.
            let waited = began.elapsed().as_secs_f64() * SPEED;
            let mut wrong = account.misses(&scrape, retention / 2.0 - waited, retention * 1.5);
            wrong.extend(account.miscounts(&scrape));
            wrong.extend(self.misnamed(&account, &scrape));
            let (count, some) = (wrong.len(), wrong.iter().take(5).cloned().collect::<Vec<_>>());
            if count == 0 { Ok(()) } else { Err(format!("{count} wrong: {}", some.join("; "))) }
        })
        .await;
        let files = self.daemon.open_files();
        let connections = self.daemon.connections(&files);
        let held = Held { memory: self.daemon.memory(), files: files.len() - connections };
        let (listed, live, ended) = (account.listed, account.live(), account.runs());
        println!(
            "hour {hour:4.1}: {listed} listed, {live} live, {ended:?} ended, {:.1} MiB, {} files, {connections} connections, caught up in {:.1?}",
            held.memory as f64 / f64::from(1 << 20),
            held.files,
            began.elapsed()
        );
        assert!(connections <= MOST_CONNECTIONS, "{}", self.daemon.describe(&files));
        assert!(listed <= 2000, "{listed} are listed");
        held
    }

    fn note_names(&mut self, account: &Account) {
        let now = Instant::now();
        for (name, (_, is_listed)) in account.names() {
            let (last, gone) = self.names.entry(name.to_owned()).or_insert((now, None));
            if is_listed {
                (*last, *gone) = (now, None);
            } else {
                gone.get_or_insert(now);
            }
        }
    }

    /// Where a name has other counts than the account, or is there for too short or too long.
    fn misnamed(&self, account: &Account, scrape: &Scrape) -> Vec<String> {
        let (mut shown, now) = (shown_names(scrape), Instant::now());
        let retention = real(self.size.retention).mul_f64(OUTCOME_RETENTION);
        let mut wrong = Vec::new();
        for (name, (runs, _)) in account.names() {
            let (last, gone) = self.names[name];
            match shown.remove(name) {
                Some(counts) if counts != runs => {
                    wrong.push(format!("{name} has {counts:?}, not {runs:?}"));
                }
                Some(_) if gone.is_some_and(|at| now - at > retention + LATE) => {
                    wrong.push(format!("{name} is there"));
                }
                None if gone.is_none() || now - last < retention => {
                    wrong.push(format!("{name} is missing"));
                }
                _ => {}
            }
        }
        wrong.extend(shown.into_keys().map(|name| format!("{name} never was")));
        wrong
    }

    /// Compares the first quarter of the looks after the warm-up with the last one.
    async fn finish(self, held: &[Held]) {
        let some = held.len().div_ceil(4).max(2);
        let (warm, end) = (&held[..some], &held[held.len() - some..]);
        let (warm, end) = (Held::least(warm).unwrap(), Held::least(end).unwrap());
        let grown = |warm: f64, end: f64| end / warm - 1.0;
        let memory = grown(warm.memory as f64, end.memory as f64);
        let files = grown(warm.files as f64, end.files as f64);
        let is_as_before = memory <= self.size.growth && files <= self.size.growth;
        assert!(is_as_before, "{warm:?} after the warm-up, {end:?} at the end");
        let finished = self.daemon.stop().await;
        assert!(finished.status.success(), "{}", finished.stderr);
    }
}
