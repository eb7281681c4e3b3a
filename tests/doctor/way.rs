//! The way to the cloud: names, ports, certificates, proxies and clocks.

use tempfile::TempDir;

use super::report::{Report, at, json, json_in};
use super::stand::Stand;
use crate::harness::{Authority, Cloud, Identity, Site, dns, run_in};

#[tokio::test]
async fn names_and_ports_that_lead_nowhere_are_told_apart() {
    let cloud = Cloud::empty().await;
    let refused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = refused.local_addr().unwrap().port();
    drop(refused);

    let report = json(&at(cloud.url(), "https://modelarts.invalid", "")).await;
    assert_eq!(report.with("failed"), ["modelarts dns"]);
    report.check("modelarts", "dns").is("failed", &["no address", "correct the endpoint's host"]);
    for step in ["tcp", "tls", "clock"] {
        report.check("modelarts", step).is("skipped", &["because dns failed"]);
    }
    report.check("access", "credentials").is("ok", &["password works"]);
    report.check("permissions", "list").is("skipped", &["ModelArts cannot be reached: dns failed"]);

    let report = json(&at(&format!("http://127.0.0.1:{port}"), cloud.url(), "")).await;
    assert_eq!(report.with("failed"), ["iam tcp"]);
    report.check("iam", "tcp").is("failed", &["refused", "firewall"]);
    report.check("access", "credentials").is("skipped", &["IAM cannot be reached: tcp failed"]);

    let plain = cloud.url().replace("http://", "https://");
    let report = json(&at(cloud.url(), &plain, "insecure_skip_verify = true")).await;
    assert_eq!(report.with("failed"), ["modelarts tls"]);
    report.check("modelarts", "tls").is("failed", &["no TLS handshake", "speaks TLS"]);
}

/// A cloud behind certificates, and the file of an authority that issued none of them: what the system
/// trusts.
struct Encrypted {
    cloud: Cloud,
    folder: TempDir,
    authority: Authority,
    roots: String,
}

impl Encrypted {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (authority, strange) = (Authority::new("private CA"), Authority::new("of the system"));
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, strange.pem()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let roots = roots.display().to_string();
        Self { cloud: Cloud::empty().await, folder, authority, roots }
    }

    fn ca_file(&self) -> String {
        format!("ca_file = \"{}\"", self.folder.path().join("ca.pem").display())
    }

    async fn examine(&self, identity: &Identity, project: &str) -> Report {
        let front = Stand::tls(identity, &self.cloud).await;
        let url = format!("https://localhost:{}", front.port());
        let config = at(self.cloud.url(), &url, project);
        json_in(&[("SSL_CERT_FILE", &self.roots)], &config).await
    }
}

#[tokio::test]
async fn each_certificate_that_is_not_trusted_has_its_reason_and_cure() {
    let stage = Encrypted::start().await;
    let ca_file = stage.ca_file();
    let good = stage.authority.issue_server();
    let elsewhere = stage.authority.issue(&[dns("elsewhere.example")]);
    let expired = stage.authority.issue_expired();
    let own = Identity::self_made();
    let cases: [(&Identity, &str, &[&str]); 7] = [
        (&good, "", &["no trusted authority", "set `ca_file`", "CN=private CA", "that cures it"]),
        (
            &elsewhere,
            "",
            &["no trusted authority", "`ca_file` alone does not cure it", "localhost"],
        ),
        (&elsewhere, &ca_file, &["it is for elsewhere.example", "correct the endpoint"]),
        (&expired, "", &["its time is over", "ends 2001-01-01", "does not cure it"]),
        (&expired, &ca_file, &["its time is over", "renewed"]),
        (&own, "", &["an authority's own", "does not cure it"]),
        (&own, &ca_file, &["an authority's own", "issued"]),
    ];
    for (identity, project, words) in cases {
        let report = stage.examine(identity, project).await;
        assert_eq!(report.with("failed"), ["modelarts tls"], "{words:?}");
        let tls = report.check("modelarts", "tls").is("failed", words);
        assert_eq!(tls.facts().version, "TLSv1.3");
        assert_eq!(tls.facts().chain.len(), 1, "{tls:?}");
        report.check("modelarts", "clock").is("skipped", &["because tls failed"]);
        report.check("permissions", "list").is("skipped", &["tls failed"]);
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted_shows_its_chain() {
    let stage = Encrypted::start().await;
    let identity = stage.authority.issue_server();
    let report = stage.examine(&identity, &stage.ca_file()).await;
    let tls = report.check("modelarts", "tls").is("ok", &["TLSv1.3", "CN=issued"]);
    let link = &tls.facts().chain[0];
    assert_eq!((&*link.subject, &*link.issuer), ("CN=issued", "CN=private CA"));
    assert!(link.ends.starts_with("4096-"), "{link:?}");
    report.check("permissions", "list").is("ok", &["0 jobs"]);

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 7);
    let soon = soon.to_zoned(jiff::tz::TimeZone::UTC).date();
    let [month, day] = [soon.month(), soon.day()].map(|number| u8::try_from(number).unwrap());
    let ending = stage.authority.issue_server_until(soon.year().into(), month, day);
    let report = stage.examine(&ending, &stage.ca_file()).await;
    report.check("modelarts", "tls").is("warning", &[&format!("ends {soon}"), "renewed"]);
    report.check("permissions", "list").is("ok", &["0 jobs"]);

    let loud = stage.examine(&identity, "insecure_skip_verify = true").await;
    loud.check("modelarts", "tls").is("warning", &["not trusted", "remove `insecure_skip_verify`"]);
    loud.check("permissions", "list").is("ok", &["0 jobs"]);
}

#[tokio::test]
async fn a_proxy_is_part_of_the_way_and_its_password_is_not_shown() {
    let stage = Encrypted::start().await;
    let front = Stand::tls(&stage.authority.issue_server(), &stage.cloud).await;
    // Basic Um9iOk1BUktFRC1QUk9YWQ==: Rob, MARKED-PROXY.
    let proxy = Stand::proxy(Some("Basic Um9iOk1BUktFRC1QUk9YWQ==")).await;
    let url = format!("https://localhost:{}", front.port());
    let config = |user: &str| {
        let proxy = format!("proxy_url = \"http://{user}127.0.0.1:{}\"", proxy.port());
        at(&url, &url, &format!("{}\n{proxy}", stage.ca_file()))
    };
    let finished = run_in(&[], &["doctor", "--format=json"], &config("Rob:MARKED-PROXY@")).await;
    assert!(!format!("{finished:?}").contains("MARKED-PROXY"), "{finished:?}");
    let report = Report::read(&finished);
    report.check("iam", "proxy").is("ok", &["http://127.0.0.1", "from `proxy_url`"]);
    report.check("iam", "tcp").is("ok", &["the proxy 127.0.0.1"]);
    report.check("iam", "tunnel").is("ok", &["resolved localhost"]);
    report.check("modelarts", "tls").is("ok", &["CN=issued"]);
    report.check("modelarts", "clock").is("ok", &[]);
    report.check("permissions", "list").is("ok", &["0 jobs"]);

    let report = json(&config("")).await;
    assert_eq!(report.with("failed"), ["iam tunnel", "modelarts tunnel"]);
    report.check("iam", "tunnel").is("failed", &["HTTP 407", "USER:PASSWORD"]);
    report.check("iam", "tls").is("skipped", &["because tunnel failed"]);

    let named = format!("http://Rob:MARKED-PROXY@127.0.0.1:{}", proxy.port());
    let environment = [("HTTPS_PROXY", &*named)];
    let config = at(&url, &url, &stage.ca_file());
    let report = json_in(&environment, &config).await;
    report.check("iam", "proxy").is("ok", &["from the environment"]);
    report.check("iam", "tunnel").is("ok", &[]);
    let report = json_in(&[environment[0], ("NO_PROXY", "localhost")], &config).await;
    report.check("iam", "proxy").is("ok", &["none"]);
    report.check("permissions", "list").is("ok", &["0 jobs"]);

    let dead = format!("{}\nproxy_url = \"http://proxy.invalid:3128\"", stage.ca_file());
    let report = json(&at(&url, &url, &dead)).await;
    report.check("iam", "dns").is("failed", &["no address", "correct the proxy's host"]);
}

#[tokio::test]
async fn a_machine_without_authorities_is_told_what_it_lacks() {
    let stage = Encrypted::start().await;
    let front = Stand::tls(&stage.authority.issue_server(), &stage.cloud).await;
    let config = at(stage.cloud.url(), &format!("https://localhost:{}", front.port()), "");
    let nothing = stage.folder.path().join("nothing").display().to_string();
    let report = json_in(&[("SSL_CERT_FILE", &nothing)], &config).await;
    assert_eq!(report.with("failed"), ["modelarts tls", "access client"]);
    report.check("modelarts", "tls").is("failed", &["no certificate", "install", "`ca_file`"]);
    report.check("access", "client").is("failed", &["`ca_file`"]);
    report.check("access", "credentials").is("skipped", &["there is no client"]);
}

#[tokio::test]
async fn a_proxy_may_be_asked_over_tls() {
    let stage = Encrypted::start().await;
    let identity = stage.authority.issue_server();
    let front = Stand::tls(&identity, &stage.cloud).await;
    let url = format!("https://localhost:{}", front.port());
    let proxy = Stand::proxy(None).await;
    let proxy = Site::new(&format!("http://127.0.0.1:{}", proxy.port()));
    let before_proxy = Stand::tls(&identity, &proxy).await;
    let line = format!("proxy_url = \"https://localhost:{}\"", before_proxy.port());
    let report = json(&at(&url, &url, &format!("{}\n{line}", stage.ca_file()))).await;
    report.check("iam", "proxy tls").is("ok", &["CN=issued"]);
    report.check("permissions", "list").is("ok", &["0 jobs"]);

    let environment = [("SSL_CERT_FILE", &*stage.roots)];
    let report = json_in(&environment, &at(&url, &url, &line)).await;
    report.check("iam", "proxy tls").is("failed", &["no trusted authority", "set `ca_file`"]);
    report.check("iam", "tunnel").is("skipped", &["because proxy tls failed"]);
    report.check("access", "credentials").is("skipped", &["proxy tls failed"]);
}

#[tokio::test]
async fn a_proxy_over_tls_is_trusted_by_the_same_roots_before_plain_endpoints() {
    let stage = Encrypted::start().await;
    // The simulator takes a request with a whole URL for its own, as a proxy does.
    let proxy = Stand::tls(&stage.authority.issue_server(), &stage.cloud).await;
    let url = format!("https://localhost:{}", proxy.port());
    let (iam, modelarts) = ("http://iam.invalid", "http://modelarts.invalid");
    let lines = format!("{}\nproxy_url = \"{url}\"", stage.ca_file());
    let report = json(&at(iam, modelarts, &lines)).await;
    report.check("permissions", "list").is("ok", &["0 jobs"]);
    let environment = [("HTTP_PROXY", &*url)];
    let report = json_in(&environment, &at(iam, modelarts, &stage.ca_file())).await;
    report.check("permissions", "list").is("ok", &["0 jobs"]);
}

#[tokio::test]
async fn behind_a_proxy_no_name_needs_to_be_known_here() {
    let cloud = Cloud::empty().await;
    // The simulator takes a request with a whole URL for its own, as a proxy does.
    let proxy = format!("proxy_url = \"{}\"", cloud.url());
    let report = json(&at("http://iam.invalid", "http://modelarts.invalid", &proxy)).await;
    report.check("modelarts", "dns").is("ok", &["the proxy 127.0.0.1"]);
    report.check("modelarts", "clock").is("ok", &["as ours"]);
    report.check("permissions", "list").is("ok", &["0 jobs"]);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_with_its_side() {
    let cloud = Cloud::empty().await;
    for (ahead, status, words) in [
        (20 * 60, "failed", "behind the cloud's"),
        (-20 * 60, "failed", "ahead of the cloud's"),
        (5 * 60, "warning", "behind the cloud's"),
    ] {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
        let date = time.strftime("%a, %d %b %Y %H:%M:%S GMT");
        let answer = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
        let clock = Stand::saying(answer).await;
        let url = format!("http://127.0.0.1:{}", clock.port());
        let report = json(&at(cloud.url(), &url, "")).await;
        let check = report.check("modelarts", "clock").is(status, &[words, "NTP"]);
        let off = check.facts().ahead_seconds - ahead;
        assert!(off.abs() < 60, "{check:?}");
        report.check("permissions", "list").is("failed", &["is `endpoint` the ModelArts endpoint"]);
    }
    let silent = Stand::saying("SSH-2.0-nobody\r\n".to_owned()).await;
    let url = format!("http://127.0.0.1:{}", silent.port());
    let report = json(&at(cloud.url(), &url, "")).await;
    report.check("modelarts", "clock").is("failed", &["no HTTP answer", "speaks HTTP"]);
}
