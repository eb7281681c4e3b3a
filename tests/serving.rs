//! What a client sees over a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use modelarts_exporter::exposition::Store;
use modelarts_exporter::inventory::{Inventory, Moment};
use modelarts_exporter::server::{self, Settings, Sight, Site, Stopped};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::exposition::{new, put};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    store: Store,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
    task: JoinHandle<Stopped>,
}

fn settings() -> Settings {
    Settings {
        listen_addresses: vec!["127.0.0.1:0".parse().unwrap()],
        telemetry_path: "/metrics".into(),
        route_prefix: String::new(),
        max_requests: 40,
        enable_lifecycle: false,
        enable_config: false,
    }
}

/// No job is known.
fn nothing() -> Arc<dyn Sight> {
    Arc::new((Inventory::new(), Moment { steady: Instant::now(), unix: 0.0 }))
}

async fn serve(settings: Settings) -> Served {
    let (store, reader, own) = new();
    let (ready, ready_seen) = watch::channel(false);
    let stop = CancellationToken::new();
    let listeners = server::bind(&settings).await.unwrap();
    let address = listeners.local_addrs()[0];
    let site = Site {
        settings,
        reader,
        sight: nothing(),
        own,
        access: watch::Sender::default().subscribe(),
        ready: ready_seen,
        configuration: watch::channel("a = 1\n".into()).1,
        reload: mpsc::channel(1).0,
    };
    let task = tokio::spawn(server::serve(listeners, site, stop.clone()));
    Served { address, store, ready, stop, task }
}

struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn finish(mut stream: TcpStream) -> Response {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head, body: bytes[end + 4..].to_vec() }
}

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

impl Served {
    async fn ask(&self, method: &str, path: &str, headers: &str) -> Response {
        finish(connect(self.address, &request(method, path, headers)).await).await
    }

    async fn get(&self, path: &str) -> Response {
        self.ask("GET", path, "").await
    }

    /// So much that it does not fit the buffers between us and a client who does not read.
    fn put_much(&self) {
        for job in 0..100_000 {
            put(&self.store, job, 0.5);
        }
        self.store.publish(0.0);
    }

    /// A scrape of which only the first byte is read.
    async fn slow_scrape(&self) -> TcpStream {
        let mut stream = connect(self.address, &request("GET", "/metrics", "")).await;
        timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap();
        stream
    }

    async fn ended(self) -> Stopped {
        timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn each_path_answers() {
    let served = serve(settings()).await;
    put(&served.store, 1, 0.5);
    served.store.publish(0.0);

    let metrics = served.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(metrics.header("vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(metrics.header("content-encoding"), None);
    assert_eq!(metrics.header("content-length"), Some(metrics.body.len().to_string().as_str()));
    assert!(metrics.text().contains("m_use_ratio{job_id=\"000001\"} 0.5\n"));

    let headers = "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n\
        Accept-Encoding: gzip\r\n";
    let packed = served.ask("GET", "/metrics", headers).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(
        packed.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(packed.header("content-length"), Some(packed.body.len().to_string().as_str()));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);

    let page = served.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("href=\"/metrics\"") && !page.text().contains("style="));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let style = served.get("/style.css").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));

    assert_eq!(served.get("/-/healthy").await.status, 200);
    for unknown in ["/nothing", "/-/nothing", "/config/", "/jobs/a", "/metrics/", "//"] {
        assert_eq!(served.get(unknown).await.status, 404, "{unknown}");
    }
    let counted = "modelarts_exporter_http_requests_total{handler=\"other\",code=\"404\"} 6\n";
    wait_for(&served, counted).await;
}

/// Waits until our own counters, which may be a second old, show this line.
async fn wait_for(served: &Served, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = served.get("/metrics").await.text().to_owned();
        if text.contains(line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in\n{text}");
        put(&served.store, 2, text.len() as f64);
        served.store.publish(0.0);
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let served = serve(settings()).await;
    assert_eq!(served.ask("HEAD", "/jobs/a/1", "").await.status, 404);
    for path in ["/metrics", "/", "/style.css", "/icon.svg", "/-/healthy"] {
        let get = served.get(path).await;
        let head = served.ask("HEAD", path, "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 0);
    }
}

#[tokio::test]
async fn other_methods_are_told_which_work() {
    let served = serve(settings()).await;
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        for method in ["POST", "DELETE", "OPTIONS", "BREW"] {
            let refused = served.ask(method, path, "").await;
            assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
        }
    }
    assert_eq!(served.ask("POST", "/nothing", "").await.status, 404);
}

#[tokio::test]
async fn paths_stand_behind_the_prefix() {
    let settings =
        Settings { route_prefix: "/cloud".into(), telemetry_path: "/m".into(), ..settings() };
    let served = serve(settings).await;
    for path in ["/cloud/m", "/cloud/", "/cloud", "/cloud/style.css", "/cloud/-/healthy"] {
        assert_eq!(served.get(path).await.status, 200, "{path}");
    }
    for path in ["/m", "/", "/-/healthy", "/cloudm", "/cloud/metrics"] {
        assert_eq!(served.get(path).await.status, 404, "{path}");
    }
    assert!(served.get("/cloud/").await.text().contains("href=\"/cloud/style.css?v="));
}

#[tokio::test]
async fn ready_follows_its_owner() {
    let served = serve(settings()).await;
    let waiting = served.get("/-/ready").await;
    assert_eq!(waiting.status, 503);
    assert!(waiting.text().contains("waiting"));
    served.ready.send_replace(true);
    assert_eq!(served.get("/-/ready").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_excess_is_refused_at_once_and_health_passes() {
    let served = serve(Settings { max_requests: 2, ..settings() }).await;
    served.put_much();
    let first = served.slow_scrape().await;
    let second = served.slow_scrape().await;
    let refused = served.get("/metrics").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(served.get("/").await.status, 503);
    assert_eq!(served.get("/-/healthy").await.status, 200);
    // Who does not wait as told gets its second refusal later.
    let again = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let began = Instant::now();
    let asks = connect(served.address, &format!("{again}{}", request("GET", "/", ""))).await;
    assert_eq!(rest(asks).await.matches("HTTP/1.1 503 ").count(), 2);
    assert!(began.elapsed() >= Duration::from_millis(50));
    // A place is free again once its answer was read or its reader went away.
    drop(second);
    let deadline = Instant::now() + PATIENCE;
    while served.get("/").await.status != 200 {
        assert!(Instant::now() < deadline, "the place of a reader who left is not free");
    }
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_up_neither_publications_nor_others() {
    let served = serve(settings()).await;
    served.put_much();
    let slow = served.slow_scrape().await;
    put(&served.store, 1, 0.125);
    let published = served.store.publish(1.0);
    assert_eq!(published.rebuilt_blocks, 1);
    let fresh = served.get("/metrics").await;
    assert!(fresh.text().contains("m_use_ratio{job_id=\"000001\"} 0.125\n"));
    let old = finish_from_second_byte(slow).await;
    assert!(old.contains("m_use_ratio{job_id=\"000001\"} 0.5\n"));
}

async fn finish_from_second_byte(mut stream: TcpStream) -> String {
    let mut rest = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_scrapes_in_flight_finish() {
    let served = serve(settings()).await;
    served.ready.send_replace(true);
    served.put_much();
    let slow = served.slow_scrape().await;
    served.stop.cancel();
    let ready = served.get("/-/ready").await;
    assert_eq!((ready.status, ready.text()), (503, "not ready: stopping\n"));
    assert_eq!(served.get("/-/healthy").await.status, 200, "still accepting");
    assert!(!served.task.is_finished());
    let text = finish_from_second_byte(slow).await;
    let length: usize = text
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap();
    let head = text.find("\r\n\r\n").unwrap() + 4;
    assert_eq!(text.len() - head, length);
    let address = served.address;
    assert_eq!(served.ended().await, Stopped::Drained);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_idle_connections() {
    let served = serve(settings()).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    idle.read_u8().await.unwrap();
    let began = Instant::now();
    served.stop.cancel();
    assert_eq!(served.ended().await, Stopped::Drained);
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cuts_off_who_does_not_read() {
    let served = serve(settings()).await;
    served.put_much();
    let slow = served.slow_scrape().await;
    let began = Instant::now();
    served.stop.cancel();
    assert_eq!(served.ended().await, Stopped::CutOff);
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(slow);
}

#[tokio::test]
async fn every_address_that_fails_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let listen_addresses = vec![
        address.to_string().parse().unwrap(),
        "127.0.0.1:0".parse().unwrap(),
        "192.0.2.1:0".parse().unwrap(),
    ];
    let error = server::bind(&Settings { listen_addresses, ..settings() }).await.unwrap_err();
    assert_eq!(error.failures().count(), 2);
    let text = error.to_string();
    drop(taken);
    assert!(text.starts_with(&format!("cannot listen on {address} (")), "{text}");
    assert!(text.contains(", 192.0.2.1:0 (") && !text.contains("127.0.0.1:0 "), "{text}");
}

#[tokio::test]
async fn several_addresses_serve_the_same() {
    let listen_addresses = vec!["127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
    let settings = Settings { listen_addresses, ..settings() };
    let (_store, reader, own) = new();
    let listeners = server::bind(&settings).await.unwrap();
    let addresses = listeners.local_addrs();
    let (_ready, ready) = watch::channel(true);
    let stop = CancellationToken::new();
    let (access, configuration) =
        (watch::Sender::default().subscribe(), watch::channel("".into()).1);
    let reload = mpsc::channel(1).0;
    let sight = nothing();
    let site = Site { settings, reader, sight, own, access, ready, configuration, reload };
    let task = tokio::spawn(server::serve(listeners, site, stop.clone()));
    for address in addresses {
        let answer = finish(connect(address, &request("GET", "/-/ready", "")).await).await;
        assert_eq!(answer.status, 200);
    }
    stop.cancel();
    assert_eq!(timeout(PATIENCE, task).await.unwrap().unwrap(), Stopped::Drained);
}

/// What came before the connection ended, in whatever way it did.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn what_is_no_request_is_told_so_and_the_connection_ends() {
    let served = serve(settings()).await;
    let long = "b".repeat(33 << 10);
    for (status, request) in [
        (400, "GET\r\n\r\n"),
        (400, "GET /metrics HTTP/9.9\r\n\r\n"),
        (400, "GET /metrics HTTP/1.1\r\nHo st: x\r\n\r\n"),
        (400, "GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        (400, "GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        (400, "GET /a b HTTP/1.1\r\n\r\n"),
        (400, "\u{16}\u{3}\u{1}\r\n\r\n"),
        (431, &format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65))),
        (431, &format!("GET /metrics HTTP/1.1\r\nA: {long}\r\n\r\n")),
        (431, &format!("GET /{long} HTTP/1.1\r\n\r\n")),
    ] {
        let answer = rest(connect(served.address, request).await).await;
        let expected = format!("HTTP/1.1 {status} ");
        let shown: String = request.chars().take(40).collect();
        assert!(answer.starts_with(&expected), "{shown:?}: {answer}");
    }
    let fits = format!("A: {}\r\n{}", "b".repeat(30 << 10), "A: b\r\n".repeat(60));
    assert_eq!(served.ask("GET", "/-/healthy", &fits).await.status, 200);
}

#[tokio::test]
async fn strange_targets_find_what_they_name_or_nothing() {
    let served = serve(settings()).await;
    for (method, target, status) in [
        ("GET", "http://elsewhere.example/-/healthy", 200),
        ("GET", "http://elsewhere.example", 200),
        ("GET", "/-/healthy?a=b&%00", 200),
        ("GET", "*", 404),
        ("GET", "elsewhere.example:443", 404),
        ("GET", "/-/healthy%00", 404),
        ("GET", "/-/../-/healthy", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("OPTIONS", "*", 404),
        ("CONNECT", "elsewhere.example:443", 404),
    ] {
        let answer = served.ask(method, target, "").await;
        assert_eq!(answer.status, status, "{method} {target}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_asked_for_is_not_read() {
    const MUCH: usize = 1 << 30;
    let served = serve(settings()).await;
    for (method, headers, status) in [
        ("GET", "Content-Length: 1073741824", 200),
        ("GET", "Transfer-Encoding: chunked", 200),
        ("POST", "Content-Length: 1073741824\r\nExpect: 100-continue", 405),
    ] {
        let head = format!("{method} /-/healthy HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
        let mut stream = connect(served.address, &head).await;
        let (body, mut sent) = ([b'1'; 16 << 10], 0);
        while sent < MUCH && timeout(PATIENCE, stream.write_all(&body)).await.unwrap().is_ok() {
            sent += body.len();
        }
        assert!(sent < MUCH, "{head} was read to its end");
        let answer = rest(stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
    }
}

/// Two of the same requests in one go, and the beginning of a third.
#[tokio::test]
async fn requests_may_come_before_their_answers_were_read() {
    let served = serve(settings()).await;
    let again = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
    let stream = connect(served.address, &format!("{again}{again}GET /-/he")).await;
    let mut last = stream;
    last.write_all(b"althy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!(rest(last).await.matches("HTTP/1.1 200 OK").count(), 3);
}
