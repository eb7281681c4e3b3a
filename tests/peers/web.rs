//! A real Prometheus over mutual TLS and basic authentication.

use std::fmt::Write as _;
use std::time::Duration;

use crate::harness::dns;
use crate::harness::prometheus::{Prometheus, Sample};
use crate::web_config::{RIGHT, RIGHT_HASH, Served, tls};

/// A scrape a second, and the rest is a busy machine.
const NEXT_SCRAPE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn prometheus_scrapes_over_mutual_tls_with_a_password() {
    let users = format!("basic_auth_users:\n  prometheus: {RIGHT_HASH}\n");
    let served = Served::start(&format!(
        "{}{users}",
        tls(&[
            "client_auth_type: RequireAndVerifyClientCert",
            "client_ca_file: ca.pem",
            "client_allowed_sans: [prometheus]",
        ])
    ))
    .await;
    let folder = served.folder.path();
    served.authority.issue(&[dns("prometheus")]).write(folder, "client");
    std::fs::write(folder.join("password"), RIGHT).unwrap();
    let mut lines =
        String::from("    scheme: https\n    basic_auth:\n      username: prometheus\n");
    writeln!(lines, "      password_file: {}\n    tls_config:", folder.join("password").display())
        .unwrap();
    for (key, file) in
        [("ca_file", "ca.pem"), ("cert_file", "client.pem"), ("key_file", "client.key")]
    {
        writeln!(lines, "      {key}: {}", folder.join(file).display()).unwrap();
    }
    let prometheus = Prometheus::scraping_with(&served.daemon, &lines).await;
    let up = prometheus.answers("modelarts_up == 1", NEXT_SCRAPE).await;
    assert_eq!(up.iter().map(Sample::value).collect::<Vec<_>>(), [1.0]);

    // It reads its files for each connection and keeps connections, so what changes is our side: the
    // password counts for each request.
    let locked = tls(&["\nbasic_auth_users:", &format!("  somebody: {RIGHT_HASH}")]);
    std::fs::write(folder.join("web.yml"), locked).unwrap();
    prometheus.answers("up == 0", NEXT_SCRAPE).await;
}
