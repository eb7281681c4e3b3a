//! What the exporter says while the cloud misbehaves, and that it is well again afterwards.

use futures_util::future::join_all;

use crate::harness::{Cloud, Daemon, PATIENCE, QUICK, Setup, wait_for};

/// Polls that a fault lasts for, so that a line for each of them would show.
const POLLS: u32 = 4;

/// A fault of one job and what is said about it.
struct Case {
    /// The project that has the job, and the fault's fields.
    name: &'static str,
    fault: &'static str,
    /// `reason` of `modelarts_exporter_api_errors_total`.
    reason: &'static str,
}

const fn case(name: &'static str, fault: &'static str, reason: &'static str) -> Case {
    Case { name, fault, reason }
}

/// Each fault that a call about one job can have. Three seconds is the timeout.
const CASES: [Case; 14] = [
    case("latency", r#""fault": "latency", "value": 60000"#, "timeout"),
    case("slow-body", r#""fault": "slow_body", "value": 60000"#, "timeout"),
    case("hang", r#""fault": "hang""#, "timeout"),
    case("reset", r#""fault": "reset""#, "unreachable"),
    case("throttle", r#""fault": "throttle", "value": 1"#, "throttled"),
    case("server-error", r#""fault": "server_error""#, "server_error"),
    case("html", r#""fault": "html""#, "server_error"),
    case("truncated", r#""fault": "truncated""#, "malformed"),
    case("huge", r#""fault": "huge", "value": 2000000"#, "too_large"),
    case("rejected", r#""fault": "rejected""#, "rejected"),
    case("not-found", r#""fault": "not_found""#, "not_found"),
    case("retired", r#""fault": "retired""#, "api_retired"),
    case("unauthorized", r#""fault": "unauthorized""#, "unauthorized"),
    case("forbidden", r#""fault": "forbidden""#, "forbidden"),
];

/// A cloud with a job for each case, each in a project of its own beside a job that stays well.
struct Stage {
    cloud: Cloud,
    /// The well job.
    well: u64,
    /// The jobs of the cases, in their order.
    jobs: Vec<u64>,
}

impl Stage {
    async fn set(cases: &[Case]) -> Self {
        let cloud = Cloud::empty().await;
        let well = cloud.add("well").await.job_id;
        let mut jobs = Vec::new();
        for case in cases {
            jobs.push(cloud.add(case.name).await.job_id);
        }
        Self { cloud, well, jobs }
    }

    async fn start(&self, cases: &[Case]) -> Daemon {
        let mut setup = Setup { tables: "[limits]\nanswer_bytes = \"1MiB\"", ..Setup::new() };
        for (case, job) in cases.iter().zip(&self.jobs) {
            setup = setup.with(case.name, [*job, self.well], "\"latest\"");
        }
        Daemon::start(&setup.file(&self.cloud)).await
    }

    async fn break_all(&self, cases: &[Case], on: &str) {
        for (case, job) in cases.iter().zip(&self.jobs) {
            let fault = format!(r#"{}, "on": "{on}", "job_id": {job}"#, case.fault);
            self.cloud.fault(&fault).await;
        }
    }

    /// A line for each case and its job.
    fn each<const N: usize>(
        &self,
        cases: &[Case],
        lines: impl Fn(&Case, u64) -> [String; N],
    ) -> Vec<String> {
        cases.iter().zip(&self.jobs).flat_map(|(case, job)| lines(case, *job)).collect()
    }

    /// The well job beside each case.
    fn well_is(&self, cases: &[Case], success: u8) -> Vec<String> {
        let well = self.well;
        self.each(cases, |case, _| {
            let labels = format!("project=\"{}\",job_id=\"{well}\"", case.name);
            [format!("modelarts_job_poll_success{{{labels}}} == {success}")]
        })
    }
}

#[tokio::test]
async fn a_fault_of_the_versions_is_said_once_costs_its_job_alone_and_passes() {
    let stage = Stage::set(&CASES).await;
    let daemon = stage.start(&CASES).await;
    let all_well = stage.each(&CASES, |case, job| {
        let name = case.name;
        let labels = format!("project=\"{name}\",job_id=\"{job}\"");
        [
            format!("modelarts_job_poll_success{{{labels}}} == 1"),
            format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
            format!("modelarts_up{{project=\"{name}\"}} == 1"),
        ]
    });
    daemon.shows(&all_well).await;

    stage.break_all(&CASES, "versions").await;
    let said = stage.each(&CASES, |case, job| {
        let (name, reason) = (case.name, case.reason);
        // What was true remains until it is too old; only a job that the cloud does not know is gone.
        let labels = format!("project=\"{name}\",job_id=\"{job}\"");
        let status = match reason {
            "not_found" => format!("modelarts_job_status{{{labels}}} absent"),
            _ => format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
        };
        [
            status,
            format!("modelarts_job_poll_success{{{labels}}} == 0"),
            format!("modelarts_up{{project=\"{name}\"}} == 1"),
            format!("modelarts_exporter_polls_total{{project=\"{name}\",result=\"failed\"}} > {}", POLLS - 1),
            format!("modelarts_exporter_polls_total{{project=\"{name}\",result=\"partial\"}} == 0"),
            format!("modelarts_exporter_api_errors_total{{project=\"{name}\",operation=\"versions\",reason=\"{reason}\"}} > {}", POLLS - 1),
        ]
    });
    let broken = daemon.shows(&said).await;
    // Every other reason would be wrong.
    for case in &CASES {
        let of_case = format!("modelarts_exporter_api_errors_total{{project=\"{}\"}}", case.name);
        for series in broken.find(&of_case) {
            let known = series.labels.contains(&("reason".to_owned(), case.reason.to_owned()));
            assert!(known, "{}: {series:?}", case.name);
        }
    }
    // The well jobs are well, and go on.
    let last = "modelarts_job_poll_last_success_timestamp_seconds";
    let newer = stage.each(&CASES, |case, _| {
        let series = format!("{last}{{project=\"{}\",job_id=\"{}\"}}", case.name, stage.well);
        [format!("{series} > {}", broken.get(&series).unwrap())]
    });
    daemon.shows(&newer).await;
    daemon.shows(&stage.well_is(&CASES, 1)).await;

    stage.cloud.heal().await;
    daemon.shows(&all_well).await;
    let finished = daemon.stop().await;
    for case in &CASES {
        let of_case = format!(" project={} ", case.name);
        let lines = |text: &str| {
            let log = finished.stderr.lines();
            log.filter(|line| format!("{line} ").contains(&of_case) && line.contains(text)).count()
        };
        assert_eq!(lines("cannot be polled"), 1, "{}\n{}", case.name, finished.stderr);
        assert_eq!(lines("polled again"), 1, "{}\n{}", case.name, finished.stderr);
    }
}

#[tokio::test]
async fn a_fault_of_the_detail_leaves_what_the_list_says() {
    let stage = Stage::set(&CASES).await;
    stage.break_all(&CASES, "detail").await;
    let daemon = stage.start(&CASES).await;
    let partial = stage.each(&CASES, |case, job| {
        let (name, reason) = (case.name, case.reason);
        let labels = format!("project=\"{name}\",job_id=\"{job}\"");
        [
            format!("modelarts_job_poll_success{{{labels}}} == 0"),
            format!("modelarts_job_poll_last_success_timestamp_seconds{{{labels}}} absent"),
            format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
            format!("modelarts_job_info{{{labels},flavor=\"\"}} == 1"),
            format!("modelarts_job_cpu_usage_ratio{{{labels}}} > 0"),
            format!("modelarts_up{{project=\"{name}\"}} == 1"),
            format!("modelarts_exporter_polls_total{{project=\"{name}\",result=\"partial\"}} > 1"),
            format!("modelarts_exporter_polls_total{{project=\"{name}\",result=\"failed\"}} == 0"),
            format!("modelarts_exporter_api_errors_total{{project=\"{name}\",operation=\"detail\",reason=\"{reason}\"}} > 1"),
        ]
    });
    daemon.shows(&partial).await;
    daemon.shows(&stage.well_is(&CASES, 1)).await;

    stage.cloud.heal().await;
    let whole = stage.each(&CASES, |case, job| {
        let labels = format!("project=\"{}\",job_id=\"{job}\"", case.name);
        [
            format!("modelarts_job_poll_success{{{labels}}} == 1"),
            format!("modelarts_job_info{{{labels},flavor=\"modelarts.vm.gpu.v100NV\"}} == 1"),
        ]
    });
    daemon.shows(&whole).await;
}

#[tokio::test]
async fn swapped_types_cost_the_fields_they_are_in() {
    let cloud = Cloud::empty().await;
    let (versions, detail) = (cloud.add("versions").await.job_id, cloud.add("detail").await.job_id);
    let on =
        |on: &str, job: u64| format!(r#""fault": "wrong_types", "on": "{on}", "job_id": {job}"#);
    cloud.fault(&on("versions", versions)).await;
    cloud.fault(&on("detail", detail)).await;
    let daemon = Daemon::start(&Setup::of([versions, detail]).file(&cloud)).await;
    daemon
        .shows(&[
            // No versions at all: what is known is what the list of jobs says.
            format!("modelarts_job_poll_success{{job_id=\"{versions}\"}} == 0"),
            format!("modelarts_job_status{{job_id=\"{versions}\",status=\"running\"}} == 1"),
            format!("modelarts_job_usage_samples{{job_id=\"{versions}\"}} absent"),
            format!("modelarts_job_gpus{{job_id=\"{versions}\"}} absent"),
            "modelarts_exporter_api_errors_total{operation=\"versions\",reason=\"malformed\"} > 0".to_owned(),
            // The numbers are where they should be, the texts are not.
            format!("modelarts_job_poll_success{{job_id=\"{detail}\"}} == 1"),
            format!("modelarts_job_status{{job_id=\"{detail}\",status=\"running\"}} == 1"),
            format!("modelarts_job_info{{job_id=\"{detail}\",job_name=\"detail\",flavor=\"\"}} == 1"),
            "modelarts_exporter_decode_errors_total{field=\"flavor_code\",reason=\"wrong_type\"} == 1".to_owned(),
        ])
        .await;
}

#[tokio::test]
async fn another_name_is_shown_as_the_cloud_says_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&["modelarts_job_status{job_name=\"one\",status=\"running\"} == 1"]).await;
    cloud.fault(&format!(r#""fault": "renamed", "job_id": {job}"#)).await;
    daemon
        .shows(&[
            "modelarts_job_status{job_name=\"one-renamed\",status=\"running\"} == 1",
            "modelarts_job_status{job_name=\"one\"} absent",
            "modelarts_job_poll_success == 1",
        ])
        .await;
}

#[tokio::test]
async fn without_a_token_nothing_is_up_and_it_comes_back() {
    let cases = [
        case("latency", r#""fault": "latency", "value": 60000"#, "timeout"),
        case("hang", r#""fault": "hang""#, "timeout"),
        case("slow-body", r#""fault": "slow_body", "value": 60000"#, "timeout"),
        case("reset", r#""fault": "reset""#, "unreachable"),
        case("throttle", r#""fault": "throttle", "value": 1"#, "throttled"),
        case("server-error", r#""fault": "server_error""#, "server_error"),
        case("html", r#""fault": "html""#, "server_error"),
        case("truncated", r#""fault": "truncated""#, "malformed"),
        case("wrong-types", r#""fault": "wrong_types""#, "malformed"),
        case("retired", r#""fault": "retired""#, "api_retired"),
    ];
    join_all(cases.iter().map(|case| async move {
        let Case { name, fault, reason } = case;
        let cloud = Cloud::empty().await;
        let job = cloud.add(name).await.job_id;
        cloud.fault(&format!("{fault}, \"on\": \"token\"")).await;
        let poll = QUICK.replace("3s", "1s");
        let setup = Setup { poll: &poll, ..Setup::of([job]) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        // From the first scrape on.
        assert_eq!(daemon.scrape().await.get("modelarts_up"), Some(0.0), "{name}");
        daemon
            .shows(&[
                "modelarts_up == 0".to_owned(),
                "modelarts_job_status absent".to_owned(),
                "modelarts_job_poll_success == 0".to_owned(),
                "modelarts_exporter_polls_total{result=\"failed\"} > 1".to_owned(),
                format!("modelarts_exporter_api_errors_total{{operation=\"token\",reason=\"{reason}\"}} > 1"),
                "modelarts_exporter_api_errors_total{operation=\"versions\"} absent".to_owned(),
                "modelarts_exporter_api_requests_total{operation=\"versions\"} absent".to_owned(),
            ])
            .await;
        cloud.heal().await;
        daemon
            .shows(&["modelarts_up == 1", "modelarts_job_status{status=\"running\"} == 1"])
            .await;
        let log = daemon.stop().await.stderr;
        assert_eq!(log.matches("the project cannot be polled").count(), 1, "{name}\n{log}");
        assert_eq!(log.matches("the project is polled again").count(), 1, "{name}\n{log}");
    }))
    .await;
}

#[tokio::test]
async fn an_iam_that_refuses_is_not_asked_again() {
    let cases = [
        case("unauthorized", r#""fault": "unauthorized""#, "unauthorized"),
        case("forbidden", r#""fault": "forbidden""#, "forbidden"),
    ];
    for Case { name, fault, reason } in cases {
        let cloud = Cloud::empty().await;
        let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
        cloud.fault(&format!("{fault}, \"on\": \"token\"")).await;
        let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
        daemon
            .shows(&[
                "modelarts_up == 0".to_owned(),
                "modelarts_job_poll_success == 0".to_owned(),
                "modelarts_exporter_polls_total{result=\"failed\"} > 8".to_owned(),
                format!("modelarts_exporter_api_errors_total{{operation=\"token\",reason=\"{reason}\"}} == 1"),
            ])
            .await;
        assert_eq!(cloud.requests("token").await, 1, "{name}");
    }
}

#[tokio::test]
async fn hostile_names_neither_break_the_log_nor_the_exposition() {
    let cloud = Cloud::start(modelarts_exporter::simulator::Settings {
        scenario: modelarts_exporter::simulator::Scenario::Hostile,
        speed: 0.0,
        ..Cloud::no_jobs()
    })
    .await;
    let hostile = "evil\\n ts=1 level=error msg=\\\"forged\\\" \\u001b[31m";
    let job = cloud.add(hostile).await.job_id;
    let other = cloud.add("other").await.job_id;
    let words = "{\"is_success\":false,\"error_code\":\"X\\nlevel=error\",\"error_message\":\"two\\nlines \\u001b[31m \\u202e \\\" forged=1\"}";
    cloud.set_document(other, words).await;
    let daemon = Daemon::start(&Setup::of([job, other]).file(&cloud)).await;
    let ok = format!("modelarts_job_poll_success{{job_id=\"{job}\"}} == 1");
    daemon.shows(&[&*ok, "modelarts_exporter_api_errors_total{reason=\"rejected\"} > 1"]).await;
    let log = daemon.stop().await.stderr;
    for line in log.lines() {
        assert!(line.starts_with("ts=20"), "a line of its own: {line:?}\n{log}");
        assert!(!line.chars().any(char::is_control), "control characters: {line:?}");
    }
    assert_eq!(log.matches("cannot be polled").count(), 1, "{log}");
}

#[tokio::test]
async fn secrets_are_nowhere() {
    let cloud = Cloud::empty().await;
    let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    // A gateway that repeats what it was sent.
    cloud
        .set_document(jobs[1], r#"{"is_success":false,"error_message":"bad password s3cr3t"}"#)
        .await;
    let setup = Setup {
        tables: "[log]\nlevel = \"trace\"",
        auth: "password = \"hunter2-s3cr3t\"\nproject_name = \"demo\"",
        ..Setup::of(jobs)
    };
    let refused = Daemon::start(&setup.file(&cloud)).await;
    refused.shows(&["modelarts_exporter_api_errors_total{operation=\"token\"} > 0"]).await;
    let setup = Setup { auth: Setup::new().auth, ..setup };
    let accepted = Daemon::start(&setup.file(&cloud)).await;
    accepted.shows(&["modelarts_up == 1"]).await;
    let token = token_of(&cloud).await;
    for daemon in [refused, accepted] {
        let mut seen = String::new();
        for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/config", "/nowhere"] {
            seen += &daemon.get(path).await.text;
        }
        let finished = daemon.stop().await;
        seen = seen + &finished.stdout + &finished.stderr;
        assert!(seen.contains("modelarts_up"), "the test has looked somewhere");
        assert!(!seen.contains("hunter2"), "the password is out\n{seen}");
        // Tokens of one simulator begin alike.
        assert!(!seen.contains(&token[..12]), "the token is out\n{seen}");
    }
}

/// A token of this cloud.
async fn token_of(cloud: &Cloud) -> String {
    let login = r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"demo","password":"demo","domain":{"name":"demo"}}}},"scope":{"project":{"name":"demo"}}}}"#;
    let answer = cloud.post("/v3/auth/tokens", login).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.header("x-subject-token").to_owned()
}

#[tokio::test]
async fn an_outage_of_everything_is_one_line_and_not_one_for_each_job() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    // Fewer than may be asked at once: none is cut off to make room for another.
    for number in 0..12 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 12"]).await;
    cloud.fault(r#""fault": "reset", "on": "any""#).await;
    daemon.shows(&["modelarts_job_poll_success == 0", "modelarts_up == 0"]).await;
    cloud.heal().await;
    daemon.shows(&["modelarts_job_poll_success == 12", "modelarts_up == 1"]).await;
    wait_for(PATIENCE, "the recovery in the log", async || {
        match daemon.logged(&["the project is polled again"]) {
            0 => Err(daemon.log()),
            count => Ok(count),
        }
    })
    .await;
    let log = daemon.stop().await.stderr;
    assert_eq!(log.matches("cannot be polled").count(), 1, "{log}");
    assert_eq!(log.matches("polled again").count(), 1, "{log}");
}
