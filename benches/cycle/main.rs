//! What one poll costs, from the request to the published line, beside a bare loop that only asks and
//! decodes; and how much memory the exporter takes while it is scraped.
//!
//! Then what it costs to know many jobs, of which few are still running.
//!
//! `make bench` runs it; `docs/performance.md` says what is compared and what came out. Everything
//! measured is a process of its own: the exporter, the bare loop (this program once more), and a
//! simulated cloud for each of them. The arguments `cycle` and `growth` choose one of the two, `v1` and `v2`
//! the API, and numbers replace its fleet sizes.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table and the progress")]

mod bare;
mod cloud;
mod fleet;
mod growth;
#[path = "../process.rs"]
mod process;
mod scrape;
mod table;

use std::time::Duration;

use anyhow::Context as _;
use cloud::Api;

/// The jobs of a small and of a large installation.
const SIZES: [usize; 2] = [1_000, 10_000];

/// Jobs that are known, of which one in twenty runs.
const KNOWN: [usize; 3] = [1_000, 10_000, 100_000];

/// The most jobs an account may have in v2 by its default quota (`job-num`).
const MOST_OF_V2: usize = 10_000;

/// Between two polls of one job: the default, because the cloud makes one sample a minute.
const INTERVAL: Duration = Duration::from_mins(1);

/// One interval, so that each job is polled once.
const WINDOW: Duration = Duration::from_mins(1);

/// Requests in flight at most, the default.
const CONNECTIONS: usize = 16;

/// What the exporter's runtime has; the bare loop gets the same.
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
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let apis: Vec<Api> = Api::ALL.into_iter().filter(|api| has(api.as_str())).collect();
    if let ([command, _, url], [api]) = (&arguments[..], &apis[..])
        && command == bare::COMMAND
    {
        return runtime.block_on(bare::run(*api, url));
    }
    let apis = if apis.is_empty() { Api::ALL.to_vec() } else { apis };
    // Cargo adds `--bench`.
    let sizes: Vec<usize> = arguments.iter().filter_map(|word| word.parse().ok()).collect();
    let or = |usual: &[usize]| if sizes.is_empty() { usual.to_vec() } else { sizes.clone() };
    runtime.block_on(async {
        if !has("growth") {
            let mut table = table::Table::default();
            for (api, jobs) in each(&apis, &or(&SIZES)) {
                let measured = fleet::measure(api, jobs).await;
                table.add(measured.with_context(|| format!("{jobs} jobs"))?);
            }
            println!("{table}");
        }
        if !has("cycle") {
            let mut table = growth::Table::default();
            for (api, jobs) in each(&apis, &or(&KNOWN)) {
                if api == Api::V2 && jobs > MOST_OF_V2 {
                    continue;
                }
                let measured = growth::measure(api, jobs).await;
                table.add(measured.with_context(|| format!("{jobs} jobs"))?);
                // The next one takes ten times as long, and may find the machine too busy.
                eprintln!("{table}");
            }
            println!("{table}");
        }
        Ok(())
    })
}

/// Every size with every API.
fn each(apis: &[Api], sizes: &[usize]) -> Vec<(Api, usize)> {
    apis.iter().flat_map(|&api| sizes.iter().map(move |&jobs| (api, jobs))).collect()
}
