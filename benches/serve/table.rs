//! What came out, in Markdown.

use std::fmt;
use std::time::Duration;

use crate::load::{Case, Encoding};
use crate::server::Run;
use crate::size::Measured;

/// The series at which speed is judged.
const JUDGED: usize = 100_000;

/// The series at which memory is judged.
const MEMORY_JUDGED: usize = 1_000_000;

/// Beside nginx, whose part it is to send a file: our requests a second in terms of its own.
const LEAST_TIMES_NGINX: [(Case, f64); 4] = [
    (Case { encoding: Encoding::Identity, connections: 1 }, 1.0),
    (Case { encoding: Encoding::Identity, connections: 4 }, 0.9),
    (Case { encoding: Encoding::Gzip, connections: 1 }, 1.0),
    (Case { encoding: Encoding::Gzip, connections: 4 }, 1.0),
];

/// The slowest hundredth beside the median, in terms of nginx's own: what publications and polls may do
/// to a scrape that meets them.
const MOST_TIMES_NGINX_TAIL: f64 = 1.3;

/// Beside the Go client, requests a second.
const LEAST_TIMES_GO: [(Case, f64); 2] = [
    (Case { encoding: Encoding::Identity, connections: 1 }, 60.0),
    (Case { encoding: Encoding::Gzip, connections: 1 }, 1000.0),
];

/// The bytes of our gzip in terms of those of `gzip -6`.
const MOST_TIMES_GZIP_6: f64 = 1.25;

/// Memory beside what grows with the exposition, in MB, and in terms of its bytes.
const BASE_MB: f64 = 30.0;
const MOST_TIMES_IDENTITY: f64 = 2.0;

/// One size: what was measured, then how it compares.
pub(crate) struct Table<'a>(pub(crate) &'a Measured);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = self.0;
        let bytes = &measured.bytes;
        writeln!(
            f,
            "### {} series\n\n{:.2} MB, {:.3} MB in our gzip, {:.3} MB in `gzip -6`. Polls and \
             publications take {:.1} % of a CPU.\n",
            thousands(measured.series),
            megabytes(bytes.identity),
            megabytes(bytes.gzip),
            megabytes(bytes.gzip_6),
            measured.idle * 100.0,
        )?;
        self.figures(f)?;
        writeln!(f)?;
        self.comparisons(f)
    }
}

impl Table<'_> {
    fn figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = self.0;
        writeln!(
            f,
            "| encoding, connections | server | requests/s | p50, ms | p99, ms | CPU a scrape, ms \
             | peak RSS, MB |\n|---|---|---:|---:|---:|---:|---:|"
        )?;
        for pair in &measured.pairs {
            let net = pair.ours.cpu_a_scrape_beside(measured.idle);
            let cpu = format!("{} ({})", milliseconds(pair.ours.cpu_a_scrape()), milliseconds(net));
            row(f, pair.case, "ours", &pair.ours, &cpu, measured.ours_rss)?;
            let cpu = milliseconds(pair.nginx.cpu_a_scrape());
            row(f, pair.case, "nginx", &pair.nginx, &cpu, measured.nginx_rss)?;
            for peer in &measured.slow {
                for (_, run) in peer.runs.iter().filter(|(case, _)| *case == pair.case) {
                    let cpu = milliseconds(run.cpu_a_scrape());
                    row(f, pair.case, peer.name, run, &cpu, peer.peak_rss)?;
                }
            }
        }
        for peer in &measured.slow {
            if let Some(reason) = &peer.skipped {
                writeln!(f, "| | {} | given up: {reason} | | | | |", peer.name)?;
            }
        }
        let by_one = |peer: &crate::slow::Slow| peer.runs.iter().any(|(_, run)| run.one_by_one);
        if measured.slow.iter().any(by_one) {
            writeln!(
                f,
                "\n¹ Too slow for a run: the middle and the longest of three single scrapes."
            )?;
        }
        Ok(())
    }

    fn comparisons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = self.0;
        let judged = measured.asked == JUDGED;
        writeln!(f, "| comparison | measured | target | |\n|---|---:|---:|---|")?;
        for (case, least) in LEAST_TIMES_NGINX {
            let Some(pair) = measured.pairs.iter().find(|pair| pair.case == case) else { continue };
            let ratio = pair.ours.load.rate / pair.nginx.load.rate;
            compare(
                f,
                &format!("{case}: requests/s ÷ nginx's"),
                ratio,
                Bound::Least(least),
                judged,
            )?;
        }
        for pair in &measured.pairs {
            let ratio = tail(&pair.ours) / tail(&pair.nginx);
            let name = format!("{}: p99/p50 ÷ nginx's", pair.case);
            compare(f, &name, ratio, Bound::Most(MOST_TIMES_NGINX_TAIL), judged)?;
        }
        let go = measured.slow.first();
        for (case, least) in LEAST_TIMES_GO {
            let ours = measured.pairs.iter().find(|pair| pair.case == case);
            let go = go.and_then(|go| go.runs.iter().find(|(other, _)| *other == case));
            if let (Some(ours), Some((_, go))) = (ours, go) {
                let ratio = ours.ours.load.rate / go.load.rate;
                compare(
                    f,
                    &format!("{case}: requests/s ÷ Go's"),
                    ratio,
                    Bound::Least(least),
                    judged,
                )?;
            }
        }
        let ratio = measured.bytes.gzip as f64 / measured.bytes.gzip_6 as f64;
        compare(f, "our gzip ÷ `gzip -6`", ratio, Bound::Most(MOST_TIMES_GZIP_6), judged)?;
        let may_be = BASE_MB + MOST_TIMES_IDENTITY * megabytes(measured.bytes.identity);
        let name = format!("peak RSS ÷ ({BASE_MB} MB + {MOST_TIMES_IDENTITY} × the exposition)");
        let ratio = megabytes(measured.ours_rss) / may_be;
        compare(f, &name, ratio, Bound::Most(1.0), measured.asked == MEMORY_JUDGED)
    }
}

fn row(
    f: &mut fmt::Formatter<'_>,
    case: Case,
    server: &str,
    run: &Run,
    cpu: &str,
    peak_rss: u64,
) -> fmt::Result {
    let mark = if run.one_by_one { "¹" } else { "" };
    writeln!(
        f,
        "| {case} | {server}{mark} | {} | {} | {} | {cpu} | {:.1} |",
        significant(run.load.rate),
        milliseconds(run.load.p50),
        milliseconds(run.load.p99),
        megabytes(peak_rss),
    )
}

/// What a ratio is held against.
#[derive(Clone, Copy)]
enum Bound {
    Least(f64),
    Most(f64),
}

fn compare(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    ratio: f64,
    bound: Bound,
    judged: bool,
) -> fmt::Result {
    let (target, is_met) = match bound {
        Bound::Least(least) => (format!("at least {least}"), ratio >= least),
        Bound::Most(most) => (format!("at most {most}"), ratio <= most),
    };
    match (judged, is_met) {
        (false, _) => writeln!(f, "| {name} | {ratio:.2} | | |"),
        (true, true) => writeln!(f, "| {name} | {ratio:.2} | {target} | met |"),
        (true, false) => writeln!(f, "| {name} | {ratio:.2} | {target} | not met |"),
    }
}

/// How far the slowest hundredth is from the median.
fn tail(run: &Run) -> f64 {
    run.load.p99.as_secs_f64() / run.load.p50.as_secs_f64()
}

fn milliseconds(time: Duration) -> String {
    significant(time.as_secs_f64() * 1e3)
}

/// About three digits.
fn significant(value: f64) -> String {
    match value {
        ..0.995 => format!("{value:.3}"),
        ..9.95 => format!("{value:.2}"),
        ..99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// `1,000,000`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group));
    let head = (first > 0).then(|| digits[..first].into());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}
