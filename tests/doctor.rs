//! `doctor`, as people and programs read it: what fails is named with its next step, what depends on it is
//! skipped, and nothing that is a secret is shown.

mod report;
mod stand;
mod v2;
mod way;

use regex::Regex;

use crate::harness::{Cloud, Finished, Setup, run_in};
use report::{at, json};
use stand::Stand;

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
      budget       requests     ok       2 jobs every 60s, and the list: 3 requests a minute of 60

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
    warning: poll.requests_per_minute: if every job of the file runs, 60 are needed (1 every 1s): each would be polled every 3s
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
                                         next: check `auth` and `project_id` of the project:
                                         iam_endpoint, username, domain, password, project_name; the
                                         cloud locks whoever is wrong a few times
                   scope        skipped  because the credentials failed
      permissions  list         skipped  because there are no credentials to ask with
                   versions     skipped  because there are no credentials to ask with
                   detail       skipped  because there are no credentials to ask with
      jobs         182626       skipped  because there are no credentials to ask with
      budget       requests     warning  1 job every 1s, and the list: 61 requests a minute of 20, so
                                         that each is polled every 3 s
                                         next: raise `poll.requests_per_minute` to 61, or
                                         `poll.interval` to 4s

    1 failed, 1 with a warning, 5 skipped
    "#);
    assert_eq!(code, Some(1));
    assert_eq!(cloud.requests("token").await, 1, "an account locks after a few");
}

#[tokio::test]
async fn an_agency_that_nobody_knows_is_looked_for_in_its_keys() {
    let cloud = Cloud::empty().await;
    let project = "project_id = \"0123456789abcdef0123456789abcdef\"";
    let auth = "method = \"aksk\"\naccess_key = \"DEMOACCESSKEY\"\nsecret_key = \"demosecretkey\"\niam_endpoint = \"{cloud}\"\nagency_name = \"nobody\"\nagency_domain = \"demo-owner\"";
    let report = json(&Setup { project, auth, ..Setup::of([1]) }.file(&cloud)).await;
    let words = ["Could not find agency", "agency_name, agency_domain"];
    report.check("access", "credentials").is("failed", &words);
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
            "HTTP/1.1 {status}\r\nX-Subject-Token: T0KEN-T0KEN\r\nContent-Length: {}\r\n\r\n{body}",
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
    let poll = "interval = \"30s\"\nlist_interval = \"60s\"\nrequests_per_minute = 2";
    let report = json(&Setup { poll, ..Setup::of(jobs) }.file(&cloud)).await;
    let budget = report.check("budget", "requests");
    budget.is("warning", &["and the list: 7 requests a minute of 2", "is polled every", "to 7,"]);
    let facts = budget.facts();
    assert_eq!(facts.requests_per_minute_allowed, Some(2));
    assert!((facts.requests_per_minute_needed - 7.0).abs() < 1e-9, "{facts:?}");
    // Three polls at two a minute, beside a list that has its small part.
    assert!((90.0..100.0).contains(&facts.interval_seconds), "{facts:?}");
    assert!(report.ok, "it works, slowly");
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

#[tokio::test]
async fn a_project_whose_jobs_are_found_says_how_many() {
    let cloud = Cloud::empty().await;
    for (name, status) in [("prod-a", "running"), ("prod-b", "completed"), ("dev", "running")] {
        cloud.add_as(name, &format!("\"status\": \"{status}\"")).await;
    }
    let found = |pattern: &str| {
        let project = format!("discovery = {{ enabled = true, name_regex = \"{pattern}\" }}");
        Setup { poll: "", project: &project, ..Setup::new().with("p", [], "") }.file(&cloud)
    };
    let (code, text) = table(&cloud, &found("prod-.*")).await;
    for line in [
        "2 of 3 listed jobs are found; 1 of those nobody",
        "prod-a, 1 version, the newest is V0001: running",
        "1 job every 60s, and the list: 2 requests a minute of 60",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(code, Some(0));
    let (code, text) = table(&cloud, &found("prod")).await;
    assert!(text.contains("0 of 3 listed jobs are found"), "{text}");
    assert!(text.contains("correct the filters of `discovery`") && code == Some(0), "{text}");
}
