//! Client certificates, with curl as the client.

use std::fs;

use rcgen::SanType;

use super::{Served, text, tls};
use crate::harness::{Authority, Identity, dns, run};

/// The status of `/metrics` for whoever shows this.
async fn as_client(served: &Served, identity: &Identity, name: &str) -> String {
    let (certificate, key) = identity.write(served.folder.path(), name);
    served.status("/metrics", &["--cert", text(&certificate), "--key", text(&key)]).await
}

#[tokio::test]
async fn only_certificates_of_the_issuer_with_an_allowed_name_are_answered() {
    let served = Served::start(&tls(&[
        "client_auth_type: RequireAndVerifyClientCert",
        "client_ca_file: ca.pem",
        "client_allowed_sans: [prometheus, 10.1.2.3, 'fd00::1', ops@example.org, 'spiffe://house/prometheus']",
    ]))
    .await;
    for path in ["/metrics", "/", "/nowhere"] {
        assert_eq!(served.status(path, &[]).await, "HTTP/2 403", "{path}");
    }
    let refused = served.curl("https", "/metrics", &[]).await;
    assert!(refused.stdout.ends_with("a client certificate is required\n"), "{refused:?}");
    assert_eq!(served.status("/-/healthy", &[]).await, "HTTP/2 200");

    let good = [
        dns("prometheus"),
        SanType::IpAddress([10, 1, 2, 3].into()),
        SanType::IpAddress("fd00::1".parse().unwrap()),
        SanType::Rfc822Name("ops@example.org".try_into().unwrap()),
        SanType::URI("spiffe://house/prometheus".try_into().unwrap()),
    ];
    for name in good {
        let identity = served.authority.issue(&[dns("somebody"), name.clone()]);
        assert_eq!(as_client(&served, &identity, "good").await, "HTTP/2 200", "{name:?}");
    }
    let bad = [
        ("another name", served.authority.issue(&[dns("prometheus.example"), dns("PROMETHEUS")])),
        ("no name", served.authority.issue(&[])),
        ("expired", served.authority.issue_expired()),
        ("another issuer", Authority::new("authority").issue(&[dns("prometheus")])),
        ("no issuer", Identity::self_made()),
    ];
    for (what, identity) in bad {
        let status = as_client(&served, &identity, "bad").await;
        assert!(status.starts_with("no answer"), "{what}: {status}");
        let (certificate, key) = identity.write(served.folder.path(), "bad");
        let tls12 = ["--tls-max", "1.2", "--cert", text(&certificate), "--key", text(&key)];
        let status = served.status("/-/healthy", &tls12).await;
        assert!(status.starts_with("no answer"), "{what}: {status}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_listed_itself_needs_no_issuer() {
    let own = Identity::self_made();
    let served = Served::start(&tls(&[
        "client_auth_type: RequireAndVerifyClientCert",
        "client_ca_file: ca.pem",
    ]))
    .await;
    // The server's issuer stays first: curl checks the server against the same file.
    let both = format!("{}{}", served.authority.pem(), own.certificate);
    fs::write(served.path("ca.pem"), both).unwrap();
    served.changed(1).await;
    assert_eq!(as_client(&served, &own, "own").await, "HTTP/2 200");
    let stranger = as_client(&served, &Identity::self_made(), "stranger").await;
    assert!(stranger.starts_with("no answer"), "{stranger}");
}

#[tokio::test]
async fn the_other_ways_to_ask_for_certificates() {
    let ours = |served: &Served| served.authority.issue(&[]);
    let cases = [
        ("RequestClientCert", "", ["HTTP/2 200", "HTTP/2 200", "HTTP/2 200"]),
        ("RequireAnyClientCert", "", ["HTTP/2 403", "HTTP/2 200", "HTTP/2 200"]),
        (
            "VerifyClientCertIfGiven",
            "client_ca_file: ca.pem",
            ["HTTP/2 200", "HTTP/2 200", "no answer"],
        ),
        ("VerifyClientCertIfGiven", "", ["HTTP/2 200", "no answer", "no answer"]),
        ("NoClientCert", "", ["HTTP/2 200", "HTTP/2 200", "HTTP/2 200"]),
    ];
    for (word, authority, [none, issued, strange]) in cases {
        let served = Served::start(&tls(&[&format!("client_auth_type: {word}"), authority])).await;
        assert_eq!(served.status("/metrics", &[]).await, none, "{word}");
        let status = as_client(&served, &ours(&served), "ours").await;
        assert!(status.starts_with(issued), "{word}: {status}");
        let status = as_client(&served, &Identity::self_made(), "strange").await;
        assert!(status.starts_with(strange), "{word}: {status}");
    }
}

#[tokio::test]
async fn the_health_check_shows_no_certificate_and_takes_any() {
    let mutual = ["client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem"];
    for lines in [&[][..], &mutual] {
        let served = Served::start(&tls(lines)).await;
        let url = |path: &str| format!("https://{}{path}", served.address());
        let well = run(&["healthcheck", &url("/-/healthy")]).await;
        assert_eq!(well.status.code(), Some(0), "{lines:?}: {well:?}");
        let lost = run(&["healthcheck", &url("/nowhere")]).await;
        assert_eq!(lost.status.code(), Some(1), "{lines:?}: {lost:?}");
    }
}
