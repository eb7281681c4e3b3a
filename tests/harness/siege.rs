//! A large fleet's daemon under those who wish it ill, and what one scraper notices of them.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use modelarts_exporter::simulator::{Scenario, Settings};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::crowd::Crowd;
use super::{Cloud, Daemon, ONE_POLL, PATIENCE, Setup, wait_for};

/// With 64 series each a little more than 100,000.
const JOBS: usize = 1_575;

/// Scrapes of which the median counts.
const LOOKS: usize = 9;

/// Prometheus gives a scrape ten seconds.
const SCRAPE_DEADLINE: Duration = Duration::from_secs(10);

/// What an answer is read into, by and by.
const PIECE: usize = 256 << 10;

/// Over so long it is counted how many answers a second there are.
const COUNTED: Duration = Duration::from_secs(3);

/// What an attack may add to the memory; nobody asks for bodies of its own.
const MOST_GROWTH: u64 = 64 << 20;

/// Memory that an allocator may keep for the next time.
const KEPT: u64 = 32 << 20;

/// A daemon that shows 100,000 series, and what it needed before anybody disturbed it.
pub(crate) struct Siege {
    daemon: Daemon,
    address: SocketAddr,
    open_files: usize,
    memory: u64,
    _cloud: Cloud,
}

/// What one scraper noticed of a crowd.
struct Noticed {
    /// A scrape while the crowd was there, and just before it came.
    scrape: Duration,
    usual: Duration,
    /// By how much the peak of the memory rose since nobody disturbed, bytes.
    growth: u64,
}

/// Under each attack a scrape takes at most so many times its usual time, the memory stays within its
/// bound, and what the attackers took comes back.
pub(crate) async fn withstand(most: f64) {
    let siege = Siege::lay("max_requests = 100").await;
    let address = siege.address;
    siege.endure("2,000 idle connections", most, async || Crowd::idle(2000, address).await).await;
    siege.endure("400 slow askers", most, async || Crowd::slow_askers(400, address).await).await;
    siege.endure("60 slow readers", most, async || Crowd::slow_readers(60, address).await).await;
    siege.endure("20 babblers", most, async || Crowd::babblers(20, address).await).await;
    siege
        .endure("20 endless askers", most, async || Crowd::endless_askers(20, address).await)
        .await;
    siege.endure("50 scrapers", most, async || Crowd::scrapers(50, address).await).await;
    let finished = siege.daemon.stop().await;
    assert!(finished.status.success(), "{}", finished.stderr);
}

/// Fifty scrapers of which ten are too many get at least this part of what one alone gets.
#[expect(clippy::print_stdout, reason = "the figures are for whoever asks with --nocapture")]
pub(crate) async fn share(least: f64) {
    let siege = Siege::lay("").await;
    let one = Crowd::scrapers(1, siege.address).await;
    let alone = one.rate(COUNTED).await;
    siege.recovers(one).await;
    let fifty = Crowd::scrapers(50, siege.address).await;
    let together = fifty.rate(COUNTED).await;
    siege.recovers(fifty).await;
    let part = together / alone;
    println!("one scraper {alone:.0}/s, fifty {together:.0}/s: {part:.2}");
    assert!(part >= least, "{together:.0} scrapes a second in all, {alone:.0} for one alone");
}

impl Siege {
    /// With these lines of `[web]`, and few open files until it asks for more.
    async fn lay(web: &str) -> Self {
        let settings = Settings {
            jobs: Some(JOBS),
            scenario: Scenario::Steady,
            speed: 0.0,
            ..Settings::default()
        };
        let cloud = Cloud::start(settings).await;
        let tables = format!("[web]\n{web}");
        let setup = Setup { poll: ONE_POLL, tables: &tables, ..Setup::of(cloud.jobs()) };
        let few_files = "ulimit -Sn 256 && exec \"$@\"";
        let config = setup.file(&cloud);
        let daemon = Daemon::start_reading(Stdio::null(), few_files, &config).await;
        daemon.is_ready().await;
        let all = format!("modelarts_job_poll_success == {JOBS}");
        daemon.shows(&[&all, "modelarts_exporter_series > 100000"]).await;
        let address = daemon.url().trim_start_matches("http://").parse().unwrap();
        let mut siege = Self { daemon, address, open_files: 0, memory: 0, _cloud: cloud };
        siege.median().await;
        siege.open_files = siege.daemon.open_files();
        siege.memory = siege.daemon.peak_memory();
        siege
    }

    #[expect(clippy::print_stdout, reason = "the figures are for whoever asks with --nocapture")]
    async fn endure(&self, who: &str, most: f64, crowd: impl AsyncFn() -> Crowd) {
        let usual = self.median().await;
        let crowd = crowd().await;
        let scrape = self.median().await;
        let growth = self.daemon.peak_memory().saturating_sub(self.memory);
        let noticed = Noticed { scrape, usual, growth };
        println!("{who}: {noticed}");
        assert!(noticed.ratio() <= most, "{who}: {noticed}");
        assert!(growth <= MOST_GROWTH, "{who}: {noticed}");
        self.recovers(crowd).await;
    }

    /// How long a scrape takes, over a connection of its own each time.
    async fn median(&self) -> Duration {
        let address = self.address;
        let looks = spawn_blocking(move || {
            let mut looks = [Duration::ZERO; LOOKS];
            for look in &mut looks {
                let began = Instant::now();
                scrape(address).unwrap_or_else(|error| panic!("a scrape failed: {error}"));
                *look = began.elapsed();
            }
            looks.sort_unstable();
            looks
        });
        looks.await.unwrap()[LOOKS / 2]
    }

    /// Waits until what the crowd took is back.
    async fn recovers(&self, crowd: Crowd) {
        drop(crowd);
        wait_for(PATIENCE, "files and memory to be back", async || {
            let (files, memory) = (self.daemon.open_files(), self.daemon.memory());
            let (most_files, most_memory) = (self.open_files, self.memory + KEPT);
            let last = format!("{files} files of {most_files}, {memory} bytes of {most_memory}");
            (files <= most_files && memory <= most_memory).then_some(()).ok_or(last)
        })
        .await;
    }
}

impl Noticed {
    fn ratio(&self) -> f64 {
        self.scrape.as_secs_f64() / self.usual.as_secs_f64()
    }
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scrape, usual, growth } = self;
        let ratio = self.ratio();
        write!(f, "{scrape:.1?} a scrape, {ratio:.1} x {usual:.1?}; memory +{} MiB", growth >> 20)
    }
}

/// One scrape over a connection of its own.
fn scrape(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SCRAPE_DEADLINE))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut piece = vec![0; PIECE];
    let read = stream.read(&mut piece)?;
    if !piece[..read].starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other(String::from_utf8_lossy(&piece[..read.min(100)])));
    }
    while stream.read(&mut piece)? > 0 {}
    Ok(())
}
