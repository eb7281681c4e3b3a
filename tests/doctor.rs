//! `doctor`, as people and programs read it: what fails is named with its next step, what depends on it is
//! skipped, and nothing that is a secret is shown.

mod stand;

use regex::Regex;
use serde::Deserialize;
use tempfile::TempDir;

use crate::harness::{Authority, Cloud, Finished, Identity, Setup, dns, run_in};
use stand::Stand;

/// What `--format=json` prints, as far as anything here looks at it.
#[derive(Debug, Deserialize)]
struct Report {
    ok: bool,
    mistakes: Vec<Wrong>,
    projects: Vec<Examined>,
}

#[derive(Debug, Deserialize)]
struct Wrong {
    key: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Examined {
    project: String,
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    part: String,
    name: String,
    status: String,
    detail: String,
    next: Option<String>,
    facts: Option<Facts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    chain: Vec<Link>,
    version: String,
    ahead_seconds: i64,
    action: String,
    job_id: String,
    newest_status: Option<String>,
    requests_per_minute_needed: f64,
    requests_per_minute_allowed: Option<u32>,
    interval_seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Link {
    subject: String,
    issuer: String,
    ends: String,
}

impl Report {
    fn read(finished: &Finished) -> Self {
        let report: Self = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        let failed = |check: &Check| check.status == "failed";
        for project in &report.projects {
            assert_eq!(project.ok, !project.checks.iter().any(failed), "{project:?}");
            for check in &project.checks {
                let wants_step = ["failed", "warning"].contains(&&*check.status);
                assert_eq!(check.next.is_some(), wants_step, "{check:?}");
            }
        }
        assert_eq!(finished.status.code(), Some(i32::from(!report.ok)), "{report:?}");
        report
    }

    fn check(&self, part: &str, name: &str) -> &Check {
        let mut found = self.projects[0].checks.iter();
        found
            .find(|check| check.part == part && check.name == name)
            .unwrap_or_else(|| panic!("no {part} {name} in {self:?}"))
    }

    /// `part name` of every check of the first project with this status.
    fn with(&self, status: &str) -> Vec<String> {
        let checks = self.projects[0].checks.iter().filter(|check| check.status == status);
        checks.map(|check| format!("{} {}", check.part, check.name)).collect()
    }
}

impl Check {
    #[track_caller]
    fn is(&self, status: &str, words: &[&str]) -> &Self {
        let text = format!("{}\n{}", self.detail, self.next.as_deref().unwrap_or_default());
        assert_eq!(self.status, status, "{self:?}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in {self:?}");
        }
        self
    }

    fn facts(&self) -> &Facts {
        self.facts.as_ref().unwrap_or_else(|| panic!("no facts in {self:?}"))
    }
}

async fn json(config: &str) -> Report {
    json_in(&[], config).await
}

async fn json_in(environment: &[(&str, &str)], config: &str) -> Report {
    Report::read(&run_in(environment, &["doctor", "--format=json"], config).await)
}

/// The table without what changes from run to run.
async fn table(cloud: &Cloud, config: &str) -> (Option<i32>, String) {
    let finished = run_in(&[], &["doctor"], config).await;
    let address = cloud.url().trim_start_matches("http://");
    let text = finished.stdout.replace(address, "127.0.0.1:PORT");
    let times = Regex::new(r"\d+\.\d ms").unwrap();
    let ends = Regex::new(r"until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
    let text = times.replace_all(&text, "N ms").into_owned();
    let text = ends.replace_all(&text, "until TIME").into_owned();
    (finished.status.code(), text)
}

#[tokio::test]
async fn a_project_in_health_reads_like_this() {
    let cloud = Cloud::empty().await;
    let first = cloud.add("mnist").await.job_id;
    cloud.add_as("mnist", r#""status": "completed""#).await;
    let second = cloud.add("yolo").await.job_id;
    let config = Setup { poll: "", ..Setup::of([first, second]) }.file(&cloud);
    let (code, text) = table(&cloud, &config).await;
    insta::assert_snapshot!(text, @r#"
    project p
      IAM          proxy        ok       none
                   dns          ok       127.0.0.1 is an address
                   tcp          ok       127.0.0.1:PORT, N ms
                   tls          ok       not used: the endpoint is plain http
                   clock        ok       as ours, to the second
      ModelArts    proxy        ok       none
                   dns          ok       127.0.0.1 is an address
                   tcp          ok       127.0.0.1:PORT, N ms
                   tls          ok       not used: the endpoint is plain http
                   clock        ok       as ours, to the second
      access       credentials  ok       password works, until TIME, and is renewed
                                         before
                   scope        ok       project 0123456789abcdef0123456789abcdef, as the token says
      permissions  list         ok       modelarts:trainJob:list: the project has 2 jobs
                   versions     ok       modelarts:trainJobVersion:list: tried with job 182626
                   detail       ok       modelarts:trainJobVersion:list: tried with job 182626, version
                                         V0002
      jobs         182626       ok       mnist, 2 versions, the newest is V0002: completed
                   182627       ok       yolo, 1 version, the newest is V0001: running
      budget       requests     ok       2 jobs every 60s: 2 requests a minute of 60

    0 failed, 0 with a warning, 0 skipped
    "#);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_project_that_is_refused_reads_like_this() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("mnist").await.job_id;
    let auth = "password = \"wrong\"\nproject_name = \"demo\"";
    let poll = "interval = \"1s\"\ntimeout = \"1s\"\nrequests_per_minute = 20";
    let config = Setup { poll, auth, ..Setup::of([job]) }.file(&cloud);
    let (code, text) = table(&cloud, &config).await;
    insta::assert_snapshot!(text, @r#"
    project p
      IAM          proxy        ok       none
                   dns          ok       127.0.0.1 is an address
                   tcp          ok       127.0.0.1:PORT, N ms
                   tls          ok       not used: the endpoint is plain http
                   clock        ok       as ours, to the second
      ModelArts    proxy        ok       none
                   dns          ok       127.0.0.1 is an address
                   tcp          ok       127.0.0.1:PORT, N ms
                   tls          ok       not used: the endpoint is plain http
                   clock        ok       as ours, to the second
      access       credentials  FAILED   password: not authorized: HTTP 401, 401, "The request you have
                                         made requires authentication."
                                         next: check `auth.domain`, `auth.username`, the password, and
                                         `project_id` or `auth.project_name`; IAM locks a user after a
                                         few wrong tries
                   scope        skipped  because the credentials failed
      permissions  list         skipped  because there are no credentials to ask with
                   versions     skipped  because there are no credentials to ask with
                   detail       skipped  because there are no credentials to ask with
      jobs         182626       skipped  because there are no credentials to ask with
      budget       requests     warning  1 job every 1s: 60 requests a minute of 20, so that each is
                                         polled every 3 s
                                         next: raise `poll.requests_per_minute` to 60, or
                                         `poll.interval` to 3s

    1 failed, 1 with a warning, 5 skipped
    "#);
    assert_eq!(code, Some(1));
    assert_eq!(cloud.requests("token").await, 1, "an account locks after a few");
}

#[tokio::test]
async fn each_missing_permission_is_named_with_its_action() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("mnist").await.job_id;
    let config = Setup::of([job]).file(&cloud);
    let (list, versions) = ("modelarts:trainJob:list", "modelarts:trainJobVersion:list");

    cloud.fault(r#""fault": "forbidden", "on": "list""#).await;
    let report = json(&config).await;
    assert_eq!(report.with("failed"), ["permissions list"]);
    let said = report.check("permissions", "list").is("failed", &["HTTP 403", "grant", list]);
    assert_eq!(said.facts().action, list);
    report.check("permissions", "detail").is("ok", &[versions]);
    cloud.heal().await;

    cloud.fault(r#""fault": "forbidden", "on": "versions""#).await;
    let report = json(&config).await;
    assert_eq!(report.with("failed"), ["permissions versions"]);
    report.check("permissions", "versions").is("failed", &["HTTP 403", "grant", versions]);
    report.check("permissions", "detail").is("skipped", &["because"]);
    cloud.heal().await;

    cloud.fault(r#""fault": "forbidden", "on": "detail""#).await;
    let report = json(&config).await;
    assert_eq!(report.with("failed"), ["permissions detail"]);
    report.check("permissions", "detail").is("failed", &["HTTP 403", "grant", versions]);
    cloud.heal().await;

    cloud.fault(r#""fault": "forbidden", "on": "token""#).await;
    let report = json(&config).await;
    assert_eq!(report.with("failed"), ["access credentials"]);
    report.check("access", "credentials").is("failed", &["HTTP 403", "programmatic access"]);
    report.check("permissions", "list").is("skipped", &["because"]);
}

#[tokio::test]
async fn what_ends_all_questions_is_asked_once() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..20 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let config = Setup::of(jobs).file(&cloud);
    for (fault, on, check, words) in [
        (
            "retired",
            "list",
            ("permissions", "list"),
            ["APIGW.0101", "switched the v1 training API off"],
        ),
        ("throttle", "list", ("permissions", "list"), ["HTTP 429", "requests_per_minute"]),
        ("throttle", "token", ("access", "credentials"), ["HTTP 429", "requests_per_minute"]),
        (
            "server_error",
            "versions",
            ("permissions", "versions"),
            ["ModelArts.2950", "try again later"],
        ),
    ] {
        cloud.fault(&format!(r#""fault": "{fault}", "on": "{on}""#)).await;
        let before = cloud.requests("versions").await;
        let report = json(&config).await;
        report.check(check.0, check.1).is("failed", &words);
        assert_eq!(report.with("failed").len(), 1, "{report:?}");
        // The client itself asks twice where the cloud stumbles.
        let asked = if on == "versions" { 2 } else { 0 };
        assert_eq!(cloud.requests("versions").await - before, asked, "{fault} on {on}");
        cloud.heal().await;
    }
}

#[tokio::test]
async fn credentials_for_another_project_are_told_from_wrong_ones() {
    let token = r#"{"token":{"expires_at":"2099-01-01T00:00:00.000000Z","project":{"id":"feed"}}}"#;
    let no = r#"{"error_code":"ModelArts.0210","error_msg":"Invalid project ID."}"#;
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nX-Subject-Token: t\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let iam = Stand::saying(answer("201 Created", token)).await;
    let modelarts = Stand::saying(answer("403 Forbidden", no)).await;
    let [iam, modelarts] =
        [iam.port(), modelarts.port()].map(|port| format!("http://127.0.0.1:{port}"));
    let report = json(&at(&iam, &modelarts, "project_id = \"cafe\"")).await;
    report.check("access", "credentials").is("ok", &["2099"]);
    let words = ["project feed", "`project_id` is cafe", "ModelArts.0210", "project_id = \"feed\""];
    report.check("access", "scope").is("failed", &words);
    report.check("permissions", "list").is("skipped", &["for another project"]);
    assert_eq!(report.with("failed").len(), 1, "{report:?}");
}

#[tokio::test]
async fn jobs_and_versions_that_are_not_there_are_named() {
    let cloud = Cloud::empty().await;
    let known = cloud.add("mnist").await.job_id;
    let setup = Setup::new().with("p", [999_999, known], "\"latest\"").with(
        "q",
        [known],
        "[\"V0001\", \"V0077\", 5]",
    );
    let report = json(&setup.file(&cloud)).await;
    assert_eq!(report.with("failed"), ["jobs job"]);
    let unknown = report.check("jobs", "job").is("failed", &["not found", "correct `job_id`"]);
    assert_eq!(unknown.facts().job_id, "999999");
    let known = report.projects[0].checks.iter().find(|check| check.detail.contains("mnist"));
    assert_eq!(known.unwrap().facts().newest_status.as_deref(), Some("running"));
    let missing = report.projects[1].checks.iter().find(|check| check.part == "jobs").unwrap();
    missing.is("failed", &["no version V0077, 5", "correct `versions`"]);
    assert_eq!(report.projects[1].project, "q");
}

#[tokio::test]
async fn a_handful_of_requests_is_all_it_takes() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..40 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let report = json(&Setup::of(jobs).file(&cloud)).await;
    assert!(report.ok, "{report:?}");
    assert!(cloud.requests("all").await <= 16, "{}", cloud.requests("all").await);
    report.check("jobs", "others").is("skipped", &["30"]);
}

#[tokio::test]
async fn a_budget_that_is_too_small_tells_the_interval_that_results() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..3 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let poll = "interval = \"30s\"\nrequests_per_minute = 2";
    let report = json(&Setup { poll, ..Setup::of(jobs) }.file(&cloud)).await;
    let budget = report.check("budget", "requests");
    budget.is("warning", &["6 requests a minute of 2", "every 90 s", "to 6", "90s"]);
    let facts = budget.facts();
    assert_eq!(facts.requests_per_minute_allowed, Some(2));
    assert!((facts.requests_per_minute_needed - 6.0).abs() < 1e-9, "{facts:?}");
    assert!((facts.interval_seconds - 90.0).abs() < 1e-9, "{facts:?}");
    assert!(report.ok, "it works, slowly");
}

/// A configuration whose two endpoints are these.
fn at(iam: &str, modelarts: &str, project: &str) -> String {
    format!(
        "[[projects]]\nname = \"p\"\nendpoint = \"{modelarts}\"\n{project}\n[projects.auth]\niam_endpoint = \"{iam}\"\ndomain = \"demo\"\nusername = \"demo\"\npassword = \"demo\"\nproject_name = \"demo\"\n[[projects.jobs]]\njob_id = 1\n"
    )
}

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

#[tokio::test]
async fn no_secret_is_shown_whatever_fails() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("mnist").await.job_id;
    let auth = "password = \"MARKED-PASSWORD\"\nproject_name = \"demo\"";
    let proxy = "proxy_url = \"http://MARKED-USER:MARKED-PROXY@127.0.0.1:9\"";
    let echo = Stand::saying(
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 37\r\n\r\n{\"message\":\"MARKED-PASSWORD is wrong\"}"
            .to_owned(),
    )
    .await;
    let echo = format!("http://127.0.0.1:{}", echo.port());
    let refused = Setup { auth, ..Setup::of([job]) }.file(&cloud);
    let proxied = Setup { auth, project: proxy, ..Setup::of([job]) }.file(&cloud);
    let echoed = refused.replace(cloud.url(), &echo);
    for config in [refused, proxied, echoed] {
        for format in ["--format=json", "--format=table"] {
            let finished = run_in(&[], &["doctor", format, "--log.level=trace"], &config).await;
            assert_eq!(finished.status.code(), Some(1), "{finished:?}");
            assert!(finished.stdout.contains("credentials"), "{finished:?}");
            assert!(!format!("{finished:?}").contains("MARKED"), "{finished:?}");
        }
    }
}

#[tokio::test]
async fn a_broken_file_reads_as_check_reads_it() {
    let config = "[[projects]]\nname = \"p\"\nendpiont = \"http://127.0.0.1:1\"\n";
    let doctor = run_in(&[], &["doctor"], config).await;
    let check = run_in(&[], &["check"], config).await;
    let said = |finished: &Finished| {
        // The file has another folder each time.
        let place = Regex::new(r"/\S+/modelarts-exporter\.toml").unwrap();
        place.replace_all(&finished.stderr, "FILE").into_owned()
    };
    assert_eq!(said(&doctor), said(&check));
    assert_eq!(doctor.status.code(), Some(1));
    let report = json(config).await;
    assert!(!report.ok && report.projects.is_empty(), "{report:?}");
    let typo = report.mistakes.iter().find(|wrong| wrong.key == "projects[0].endpiont");
    assert!(typo.is_some_and(|typo| typo.reason.contains("is not a key")), "{:?}", report.mistakes);
}
