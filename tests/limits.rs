//! Nobody can hurt the server. What is measured here is printed and bounded generously, because other
//! tests take their part of the machine; `make test-long` holds it to its figures.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::harness::{Cloud, Daemon, ONE_POLL, PATIENCE, Setup, siege};

/// How many times its usual time a scrape may take here: each has a deadline of its own.
const ANY: f64 = f64::INFINITY;

async fn start(shell: &str) -> Daemon {
    let cloud = Cloud::empty().await;
    let config = Setup { poll: ONE_POLL, ..Setup::of([1]) }.file(&cloud);
    Daemon::start_reading(Stdio::null(), shell, &config).await
}

async fn connect(daemon: &Daemon) -> TcpStream {
    TcpStream::connect(daemon.url().trim_start_matches("http://")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scraper_hardly_notices_those_who_attack() {
    siege::withstand(ANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_scrapers_get_about_as_much_as_one() {
    siege::share(0.0).await;
}

#[tokio::test]
async fn headers_that_do_not_end_are_cut_off_and_silence_is_not() {
    let daemon = start("exec \"$@\"").await;
    let mut silent = connect(&daemon).await;
    let mut asks = connect(&daemon).await;
    asks.write_all(b"GET /-/healthy HTTP/1.1\r\nHost:").await.unwrap();
    let began = Instant::now();
    let read = timeout(PATIENCE, asks.read(&mut [0])).await.expect("an end");
    assert!(!matches!(read, Ok(1)), "nothing was asked");
    let lasted = began.elapsed();
    assert!(lasted >= Duration::from_secs(9), "cut off after {lasted:?}");
    silent.write_all(b"GET /-/healthy HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, silent.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn the_process_raises_its_limit_of_open_files() {
    let daemon = start("ulimit -Sn 256 && ulimit -Hn 3000 && exec \"$@\"").await;
    daemon.shows(&["process_max_fds == 3000"]).await;
}

#[tokio::test]
async fn where_files_are_short_idle_connections_make_room() {
    let daemon = start("ulimit -n 64 && exec \"$@\"").await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(connect(&daemon).await);
    }
    assert_eq!(daemon.get("/-/healthy").await.status, 200);
    assert!(daemon.logged(&["cannot accept connections"]) >= 1, "{}", daemon.log());
    drop(idle);
}
