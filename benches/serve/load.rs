//! wrk: as many scrapes as it gets, one after the other on each connection.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::peers::peer;

/// How an answer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// As it stands in `Accept-Encoding`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) encoding: Encoding,
    pub(crate) connections: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.encoding.token(), self.connections)
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    /// A second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Puts load on a server for a while. Answers that are not 200, and broken connections, are errors.
///
/// Waits for wrk, which ends by its own clock whatever the server does.
pub(crate) async fn run(url: &str, case: Case, length: Duration) -> anyhow::Result<Load> {
    let mut command = Command::new(peer("wrk/usr/bin/wrk")?);
    command
        .env("LD_LIBRARY_PATH", peer("wrk/lib")?)
        .args(["--threads=1", "--latency", "--timeout=1m"])
        .arg(format!("--connections={}", case.connections))
        .arg(format!("--duration={}s", length.as_secs()))
        .arg(format!("--header=Accept-Encoding: {}", case.encoding.token()))
        .arg(format!("{url}/metrics"));
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "wrk: {text}");
    parse(&text).with_context(|| format!("wrk said {text}"))
}

fn parse(text: &str) -> anyhow::Result<Load> {
    for failure in ["Socket errors", "Non-2xx"] {
        anyhow::ensure!(!text.contains(failure), "{failure}");
    }
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        Ok::<_, anyhow::Error>(line.with_context(|| format!("no {label}"))?.trim())
    };
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "));
    Ok(Load {
        requests: requests.context("no requests")?.0.parse()?,
        rate: after("Requests/sec:")?.parse()?,
        p50: duration(after("50%")?)?,
        p99: duration(after("99%")?)?,
    })
}

/// `635.00us`, `10.53ms`, `1.20s`, `1.00m`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        unit => anyhow::bail!("{unit} is no unit of time"),
    };
    Ok(Duration::try_from_secs_f64(digits.parse::<f64>()? * unit)?)
}
