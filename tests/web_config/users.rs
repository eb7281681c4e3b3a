//! Users and passwords.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{RIGHT, RIGHT_HASH, Served, tls};
use crate::harness::{PATIENCE, wait_for};

/// bcrypt of `S3CR3T-right` at a cost that takes a good part of a second.
const SLOW_HASH: &str = "$2b$12$n2PdDnQccIADYAzmQ0.a1eW3rO5i428kTINjqkOYbo4M5YNx5OuP.";

/// As many passwords may wait to be computed.
const MOST_WAITING: usize = 16;

/// The status of one request, over a connection of its own.
async fn ask(address: SocketAddr, name: &str, password: &str) -> u16 {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Basic {both}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn only_users_with_their_password_are_answered() {
    let users = format!("basic_auth_users:\n  alice: {RIGHT_HASH}\n  bob: {RIGHT_HASH}\n");
    let served = Served::start(&format!("{}{users}", tls(&[]))).await;
    let right = format!("alice:{RIGHT}");
    for round in 0..2 {
        assert_eq!(served.status("/metrics", &["--user", &right]).await, "HTTP/2 200", "{round}");
        for wrong in ["alice:S3CR3T-wrong", "bob:", "mallory-S3CR3T:S3CR3T-right", ":S3CR3T-right"]
        {
            let answer = served.curl("https", "/metrics", &["--user", wrong]).await;
            assert!(answer.stdout.starts_with("HTTP/2 401"), "{wrong}: {answer:?}");
            assert!(answer.stdout.contains("www-authenticate: Basic realm="), "{answer:?}");
            assert!(answer.stdout.ends_with("\r\n\r\nunauthorized\n"), "{answer:?}");
        }
    }
    for header in ["Bearer S3CR3T", "Basic", "Basic !", "Basic YWxpY2U="] {
        let header = format!("Authorization: {header}");
        for path in ["/", "/jobs/p/1"] {
            let status = served.status(path, &["--header", &header]).await;
            assert_eq!(status, "HTTP/2 401", "{path} {header}");
        }
    }
    for (path, status) in [("/metrics", "401"), ("/nowhere", "401"), ("/-/healthy", "200")] {
        assert_eq!(served.status(path, &[]).await, format!("HTTP/2 {status}"), "{path}");
    }
    let counted = "modelarts_exporter_http_requests_total{handler=\"/metrics\",code=\"401\"} 9";
    let mut metrics = String::new();
    // What we count ourselves may be a second old.
    wait_for(PATIENCE, counted, async || {
        metrics = served.curl("https", "/metrics", &["--user", &right]).await.stdout;
        if metrics.contains(counted) { Ok(()) } else { Err(metrics.clone()) }
    })
    .await;

    let log = served.daemon.stop().await.stderr;
    for secret in ["S3CR3T", "$2b$", "ZohzX3IB4G9", "mallory", "PRIVATE KEY"] {
        assert!(!log.contains(secret) && !metrics.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn a_password_found_right_before_never_waits_for_wrong_ones() {
    let users = format!("basic_auth_users:\n  alice: {SLOW_HASH}\n");
    let served = Served::start(&users).await;
    let address: SocketAddr = served.address().parse().unwrap();
    assert_eq!(ask(address, "alice", RIGHT).await, 200);

    let mut wrong = JoinSet::new();
    for number in 0..MOST_WAITING + 4 {
        wrong.spawn(async move { ask(address, "alice", &format!("wrong {number}")).await });
    }
    // The first refusal means that every place is taken.
    let mut answered = Vec::new();
    while !answered.contains(&503) {
        answered.push(wrong.join_next().await.unwrap().unwrap());
    }
    assert_eq!(ask(address, "alice", RIGHT).await, 200);
    while let Some(status) = wrong.try_join_next() {
        answered.push(status.unwrap());
    }
    let computed = |answered: &[u16]| answered.iter().filter(|status| **status == 401).count();
    assert!(computed(&answered) < MOST_WAITING, "it waited for all of them: {answered:?}");
    answered.extend(wrong.join_all().await);
    assert!(computed(&answered) >= MOST_WAITING, "{answered:?}");
    assert!(answered.iter().all(|status| [401, 503].contains(status)), "{answered:?}");
    assert_eq!(ask(address, "alice", "wrong 0").await, 401);
}

#[tokio::test]
async fn wrong_passwords_take_no_place_among_the_requests_answered() {
    let users = format!("basic_auth_users:\n  alice: {SLOW_HASH}\n");
    let served = Served::start_with(&users, "max_requests = 1\n").await;
    let address: SocketAddr = served.address().parse().unwrap();
    assert_eq!(ask(address, "alice", RIGHT).await, 200);
    let mut wrong = JoinSet::new();
    for number in 0..8 {
        wrong.spawn(async move { ask(address, "bob", &format!("wrong {number}")).await });
    }
    assert_eq!(wrong.join_next().await.unwrap().unwrap(), 401);
    for _ in 0..4 {
        assert_eq!(ask(address, "alice", RIGHT).await, 200);
    }
    assert!(!wrong.is_empty(), "none is left to be in the way");
}
