//! What a scrape costs beside what others send: nginx with the same bytes in a file, and four ways of
//! rendering the same values while somebody waits.
//!
//! `make bench-serve` runs it; `docs/performance.md` says what is compared and what came out. Everything
//! measured is a process of its own. Numbers as arguments replace the sizes, in series; `--rounds=N`
//! and `--seconds=N` make it shorter.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table and the progress")]

mod client;
mod figures;
mod fleet;
mod gauge_vec;
mod load;
mod ours;
mod peers;
#[path = "../process.rs"]
mod process;
mod server;
mod size;
mod slow;
mod table;

use std::time::Duration;

use anyhow::Context as _;

use size::Plan;

/// Series: a small installation, the one the targets are about, and the largest that is thought of.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// The median of five runs stands firm against two that something else disturbed.
const ROUNDS: usize = 5;

/// A hundred scrapes and more at the largest size.
const RUN: Duration = Duration::from_secs(10);

/// What the exporter's runtime has; every child that is a Rust program gets the same.
const WORKERS: usize = 2;

fn main() -> anyhow::Result<()> {
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, series] = &arguments[..] {
        match command.as_str() {
            ours::COMMAND => return runtime.block_on(ours::run(series.parse()?)),
            gauge_vec::COMMAND => return runtime.block_on(gauge_vec::run(series.parse()?)),
            _ => {}
        }
    }
    let (plan, sizes) = parse(&arguments)?;
    for series in sizes {
        let measured = runtime.block_on(size::measure(series, &plan));
        println!("{}", table::Table(&measured.with_context(|| format!("{series} series"))?));
    }
    Ok(())
}

fn parse(arguments: &[String]) -> anyhow::Result<(Plan, Vec<usize>)> {
    let mut plan = Plan { rounds: ROUNDS, run: RUN };
    let mut sizes = Vec::new();
    for word in arguments {
        if let Some(rounds) = word.strip_prefix("--rounds=") {
            plan.rounds = rounds.parse().context("--rounds")?;
        } else if let Some(seconds) = word.strip_prefix("--seconds=") {
            plan.run = Duration::from_secs(seconds.parse().context("--seconds")?);
        } else if let Ok(series) = word.parse() {
            sizes.push(series);
        } else {
            // Cargo adds it.
            anyhow::ensure!(
                word == "--bench",
                "{word}: expected series, --rounds=N or --seconds=N"
            );
        }
    }
    anyhow::ensure!(plan.rounds > 0 && !plan.run.is_zero(), "nothing to measure");
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    Ok((plan, sizes))
}
