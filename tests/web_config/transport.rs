//! TLS, HTTP/2, headers and the rate, as curl and openssl see them.

use super::{Served, tls};
use crate::harness::Finished;

#[tokio::test]
async fn curl_speaks_http2_and_http1_over_tls() {
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Content-Security-Policy: default-src 'none'\n    Strict-Transport-Security: max-age=60\n";
    let served = Served::start(&format!("{}{headers}", tls(&[]))).await;
    let h2 = served.curl("https", "/metrics", &["--http2", "--compressed"]).await;
    assert!(h2.stdout.starts_with("HTTP/2 200"), "{h2:?}");
    assert!(h2.stdout.contains("\nmodelarts_up{"), "{h2:?}");
    for (path, status) in [("/", "200"), ("/nowhere", "404"), ("/-/healthy", "200")] {
        let h1 = served.curl("https", path, &["--http1.1"]).await;
        assert!(h1.stdout.starts_with(&format!("HTTP/1.1 {status}")), "{h1:?}");
        for header in [
            "x-frame-options: deny",
            "content-security-policy: default-src 'none'\r\n",
            "strict-transport-security: max-age=60",
            "x-content-type-options: nosniff",
        ] {
            let count = h1.stdout.to_lowercase().matches(header).count();
            assert_eq!(count, 1, "{header} in {path}: {h1:?}");
        }
    }
    assert_eq!(served.status("/", &["--request", "DELETE", "--http2"]).await, "HTTP/2 405");
    let plain = served.curl("http", "/metrics", &[]).await;
    assert!(!plain.status.success() && !plain.stdout.contains("modelarts"), "{plain:?}");
    let stopped = served.daemon.stop().await;
    assert!(stopped.status.success(), "{stopped:?}");
}

#[tokio::test]
async fn a_head_is_that_of_the_answer_and_ends_with_it() {
    let served = Served::start(&tls(&[])).await;
    let length = |answer: &Finished| {
        let header = answer.stdout.lines().find_map(|line| line.strip_prefix("content-length: "));
        header.and_then(|value| value.parse::<usize>().ok())
    };
    for http in ["--http2", "--http1.1"] {
        for path in ["/-/healthy", "/style.css", "/nowhere", "/", "/metrics"] {
            let whole = served.curl("https", path, &[http]).await;
            let head = served.curl("https", path, &[http, "--head"]).await;
            assert!(head.status.success() && head.stdout.ends_with("\r\n\r\n"), "{head:?}");
            assert_eq!(head.stdout.lines().next(), whole.stdout.lines().next(), "{path}");
            // What these two say is another thing each time.
            if path == "/" || path == "/metrics" {
                assert!(length(&head).is_some_and(|length| length > 1000), "{head:?}");
            } else {
                assert_eq!(length(&head), length(&whole), "{http} {path}: {head:?}");
            }
        }
    }
}

#[tokio::test]
async fn http2_can_be_switched_off() {
    let served = Served::start(&tls(&["\nhttp_server_config: {http2: false}"])).await;
    assert_eq!(served.status("/metrics", &["--http2"]).await, "HTTP/1.1 200 OK");
    let said = served.openssl(&["-alpn", "h2,http/1.1"]).await;
    assert!(said.stdout.contains("ALPN protocol: http/1.1"), "{said:?}");
}

#[tokio::test]
async fn openssl_finds_the_versions_suites_and_curves_of_the_file() {
    const WEAK: &str = "ALL:@SECLEVEL=0";
    let served = Served::start(&tls(&[])).await;
    for (version, is_spoken) in
        [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)]
    {
        let said = served.openssl(&[version, "-cipher", WEAK]).await;
        assert_eq!(said.status.success(), is_spoken, "{version}: {said:?}");
        assert_eq!(said.stdout.contains("Cipher is (NONE)"), !is_spoken, "{said:?}");
    }
    let cbc = served.openssl(&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"]).await;
    assert!(!cbc.status.success(), "{cbc:?}");

    let narrow = Served::start(&tls(&[
        "min_version: TLS12",
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
        "curve_preferences: [CurveP384]",
    ]))
    .await;
    let both = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
    let said = narrow.openssl(&["-cipher", both]).await;
    assert!(said.stdout.contains("TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"), "{said:?}");
    assert!(said.stdout.contains("secp384r1"), "{said:?}");
    for wrong in [
        &["-tls1_3"][..],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
        &["-tls1_2", "-curves", "X25519"],
    ] {
        let said = narrow.openssl(wrong).await;
        assert!(!said.status.success(), "{wrong:?}: {said:?}");
    }

    let by_client = Served::start(&tls(&[
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
        "prefer_server_cipher_suites: false",
    ]))
    .await;
    let said = by_client.openssl(&["-cipher", both]).await;
    assert!(said.stdout.contains("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"), "{said:?}");
}

#[tokio::test]
async fn above_the_rate_requests_are_told_when_to_come_back() {
    let served = Served::start("rate_limit: {interval: 1h, burst: 2}\n").await;
    for expected in [200, 404, 429] {
        let path = if expected == 404 { "/nowhere" } else { "/metrics" };
        let answer = served.daemon.get(path).await;
        assert_eq!(answer.status, expected, "{}", answer.text);
        let wait: u64 = answer.header("retry-after").parse().unwrap_or_default();
        assert_eq!((3000..=3600).contains(&wait), expected == 429, "{wait}");
    }
    assert_eq!(served.daemon.get("/-/healthy").await.status, 200);
    served.daemon.is_ready().await;
}
