use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use url::Url;

/// An answer that takes longer is none: orchestrators wait about as long by default.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the running daemon whether it is healthy.
pub(super) async fn run(url: Url) -> anyhow::Result<ExitCode> {
    // The daemon is beside us: no proxy, no roots of the system, no redirects.
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("cannot build the client")?;
    let response = client.get(url).send().await.context("the daemon does not answer")?;
    let status = response.status();
    anyhow::ensure!(status.is_success(), "the daemon answers {status}");
    Ok(ExitCode::SUCCESS)
}
