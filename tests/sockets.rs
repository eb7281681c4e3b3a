//! Listening sockets that systemd opens and hands over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use crate::harness::{Cloud, Daemon, ONE_POLL, Setup, Site, run_with_config};

/// What a service manager does: socket number 3, and a word about it for the process itself.
const HAND_OVER: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 0</dev/null"#;

const FROM_SYSTEMD: &str = "[web]\nsystemd_socket = true";

async fn setup() -> String {
    let cloud = Cloud::empty().await;
    Setup { poll: ONE_POLL, tables: FROM_SYSTEMD, ..Setup::of([1]) }.file(&cloud)
}

#[tokio::test]
async fn the_daemon_serves_on_the_socket_it_is_given() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let given = Stdio::from(OwnedFd::from(socket));
    let daemon = Daemon::start_reading(given, HAND_OVER, &setup().await).await;
    assert_eq!(daemon.url(), url, "and on no other");
    assert_eq!(Site::new(&url).get("/-/healthy").await.status, 200);
    let finished = daemon.stop().await;
    assert!(finished.status.success(), "{}", finished.stderr);
}

#[tokio::test]
async fn without_a_socket_it_says_how_to_get_one() {
    let finished = run_with_config("run", &setup().await).await;
    assert_eq!(finished.status.code(), Some(1));
    let said = "modelarts-exporter: web.systemd_socket is set, but systemd handed over no socket: \
                start the exporter by a .socket unit with ListenStream=, or remove the key\n";
    assert!(finished.stderr.ends_with(said), "{}", finished.stderr);
}

#[tokio::test]
async fn what_does_not_listen_is_refused() {
    let listens = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = std::net::TcpStream::connect(listens.local_addr().unwrap()).unwrap();
    let given = Stdio::from(OwnedFd::from(connection));
    let finished = Daemon::refuses_reading(given, HAND_OVER, &setup().await).await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("Accept=yes"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_file_is_no_socket() {
    let finished = Daemon::refuses_reading(Stdio::null(), HAND_OVER, &setup().await).await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("socket 1 of systemd"), "{}", finished.stderr);
}
