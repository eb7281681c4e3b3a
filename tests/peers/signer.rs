use std::fmt::Write as _;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use modelarts_exporter::cloud::sign::{self, Key, Scheme};
use serde::Serialize;

use super::configuration::follow;
use crate::harness::{Daemon, Process, Site, wait_for};
use crate::harness::{peer, repository};

/// Python starts and imports the SDK; on a busy machine.
const SCRIPT: Duration = Duration::from_mins(2);

/// Until the only job is polled and published.
const POLLED: Duration = Duration::from_mins(1);

/// How many requests are compared.
const REQUESTS: usize = 400;

/// What may stand in a path, a query or a header: ordinary, reserved, and beyond ASCII.
const CHARACTERS: [char; 30] = [
    'a',
    'Z',
    '0',
    '9',
    '-',
    '_',
    '.',
    '~',
    '/',
    '?',
    '#',
    '&',
    '=',
    '+',
    '%',
    ' ',
    ':',
    ';',
    ',',
    '@',
    '!',
    '$',
    '\'',
    '(',
    '*',
    '"',
    '\\',
    '\u{e9}',
    '\u{4e2d}',
    '\u{1f600}',
];

/// A request in the words of the vendor's SDK.
#[derive(Debug, Serialize)]
struct Request {
    method: &'static str,
    /// As it is sent.
    path: String,
    /// Not yet encoded.
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    body: String,
    access: String,
    secret: String,
}

fn text(rng: &mut Rng, longest: usize) -> String {
    let length = rng.usize(..=longest);
    (0..length).map(|_| CHARACTERS[rng.usize(..CHARACTERS.len())]).collect()
}

/// Some bytes as they are, most of them escaped, as different clients do.
fn sent(text: &str, plain: &str) -> String {
    let mut sent = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            sent.push(char::from(byte));
        } else {
            write!(sent, "%{byte:02x}").unwrap();
        }
    }
    sent
}

fn request(rng: &mut Rng) -> Request {
    let names = [text(rng, 4), text(rng, 4), "page".to_owned(), "Page".to_owned()];
    let query = (0..rng.usize(..6))
        .map(|_| (names[rng.usize(..names.len())].clone(), text(rng, 6)))
        .collect();
    let path = format!("/v1/{}", text(rng, 12));
    let body = if rng.bool() { String::new() } else { text(rng, 40) };
    let mut headers = vec![
        ("Host", format!("modelarts.example:{}", rng.u16(1..))),
        (
            "X-Sdk-Date",
            format!("20{:02}0{}17T0{}3655Z", rng.u8(..100), rng.u8(1..10), rng.u8(..10)),
        ),
        ("X-Project-Id", format!("{:032x}", rng.u128(..))),
    ];
    if rng.bool() {
        headers.push(("Content-Type", "application/json".to_owned()));
    } else {
        headers.push(("Content-Type", "application/octet-stream".to_owned()));
        headers.push(("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD".to_owned()));
    }
    if rng.bool() {
        headers.push(("X-Security-Token", format!("{:0300x}", rng.u128(..))));
    }
    if rng.bool() {
        headers.push(("x-UNSIGNED_name", "dropped".to_owned()));
    }
    if rng.bool() {
        headers.push(("X-Words", format!("  {} ", text(rng, 10).replace(['\u{e9}'], ""))));
    }
    Request {
        method: ["GET", "PUT", "POST", "DELETE", "PATCH"][rng.usize(..5)],
        path: sent(&path, "/-_.~:@!$"),
        query,
        headers,
        body,
        access: format!("{:020X}", rng.u64(..)),
        secret: format!("{:040x}", rng.u128(..)),
    }
}

fn ours(request: &Request) -> String {
    let encoded = |text: &String| sent(text, "-._~:,");
    let query: Vec<String> = request
        .query
        .iter()
        // An empty value may go without its sign.
        .map(|(name, value)| match (encoded(name), encoded(value)) {
            (name, value) if value.is_empty() && !name.is_empty() => name,
            (name, value) => format!("{name}={value}"),
        })
        .collect();
    let named = |wanted: &str| {
        request.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    };
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| *name != "X-Sdk-Date")
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    sign::authorization(
        &Scheme::Access,
        Key { access: &request.access, secret: &request.secret },
        &sign::Request {
            method: request.method,
            path: &request.path,
            query: &query.join("&"),
            headers: &headers,
            body: request.body.as_bytes(),
            date: named("X-Sdk-Date").unwrap(),
        },
    )
}

fn python(script: &str) -> Command {
    let mut command = Command::new(peer("clients/bin/python"));
    command.env("PYTHONWARNINGS", "ignore").arg("-B").arg(repository("tests/peers").join(script));
    command
}

#[tokio::test]
async fn the_vendors_signer_signs_every_request_as_we_do() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = u64::try_from(since.as_nanos() & u128::from(u64::MAX)).expect("masked");
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let requests: Vec<Request> = (0..REQUESTS).map(|_| request(&mut rng)).collect();
    let mut file = tempfile::tempfile().expect("a temporary file");
    for request in &requests {
        writeln!(file, "{}", serde_json::to_string(request).unwrap()).unwrap();
    }
    file.rewind().unwrap();
    let script = Process::start_reading(Stdio::from(file), "sign.py", &mut python("sign.py"));
    let signed = script.ended(SCRIPT).await;
    assert!(signed.status.success(), "{}", signed.stderr);
    let theirs: Vec<&str> = signed.stdout.lines().collect();
    assert_eq!(theirs.len(), REQUESTS, "{}", signed.stderr);
    for (request, theirs) in requests.iter().zip(theirs) {
        assert_eq!(ours(request), theirs, "seed {seed}, {request:?}");
    }
}

#[tokio::test]
async fn a_server_that_verifies_with_the_vendors_signer_takes_our_requests() {
    let mut command = python("serve_signed.py");
    let mut server =
        Process::start("serve_signed.py", command.args(["ACCESS", "S3CR3T-key", "S3CR3T-token"]));
    let url = server
        .wait_until(SCRIPT, "its URL", |p| {
            p.stdout().strip_suffix('\n').map(|url| url.trim().to_owned())
        })
        .await;
    let login = |secret: &str| {
        format!(
            r#"
            project_id = "feed"
            [projects.auth]
            method = "aksk"
            access_key = "ACCESS"
            secret_key = "{secret}"
            security_token = "S3CR3T-token"
            "#
        )
    };
    let site = Site::new(&url);
    for (secret, up) in [("S3CR3T-key", 1), ("S3CR3T-other", 0)] {
        let daemon = Daemon::start(&follow("p", &site, &login(secret), [1])).await;
        wait_for(POLLED, "a poll", async || {
            let unmet = daemon.scrape().await.unmet(&[
                format!("modelarts_job_poll_success == {up}"),
                format!("modelarts_up == {up}"),
                "modelarts_exporter_api_requests_total > 0".to_owned(),
            ]);
            if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ") + &daemon.log()) }
        })
        .await;
        assert!(!daemon.log().contains("S3CR3T"), "{}", daemon.log());
    }
}
