//! One column of the table played: a project for each row, each before a cloud of its own, and one more
//! project that nothing befalls; all of them in one exporter.

use std::fmt::Write as _;
use std::path::Path;

use tempfile::TempDir;

use super::matrix::{Call, Cell, ROWS, Row, Shown, Trouble};
use crate::harness::{
    Accident, Authority, Cloud, Daemon, Finished, Identity, PATIENCE, Relay, Scrape, Setup, dns,
    secrets, wait_for,
};

/// A poll a second. The timeout is one that a busy machine does not reach by itself.
const POLL: &str = "interval = \"1s\"\npending_interval = \"1s\"\nlist_interval = \"1s\"\ntimeout = \"3s\"\nmax_staleness = \"5m\"\nrequests_per_minute = 0";

/// Everything is searched for secrets, so everything is to be said.
const TABLES: &str = "[log]\nlevel = \"trace\"\n[limits]\nanswer_bytes = \"1MiB\"";

/// The project that nothing befalls.
const OTHER: &str = "other";

/// How the log says that a trouble is over.
const OVER: [&str; 2] = ["polled again", "jobs is read again"];

/// Shown instead of the password until the fault is over: a refusal holds the project until then.
const WRONG: &str = "S3CR3T-wrong";

/// Who issues certificates, and the file that says so.
struct Trust {
    authority: Authority,
    folder: TempDir,
}

impl Trust {
    fn new() -> Self {
        let (authority, folder) = (Authority::new("private"), TempDir::new().unwrap());
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { authority, folder }
    }

    fn show(&self, shown: Shown) -> Identity {
        match shown {
            Shown::Expired => self.authority.issue_expired(),
            Shown::OfAnotherHost => self.authority.issue(&[dns("elsewhere.example")]),
            Shown::SelfMade => Identity::self_made(),
            Shown::OfAStranger => Authority::new("stranger").issue_server(),
        }
    }
}

/// A row in one call: the project of that name, its cloud, and the job that is struck beside a well one.
struct Stage {
    row: &'static Row,
    call: Call,
    cell: Cell,
    cloud: Cloud,
    relay: Option<Relay>,
    struck: u64,
    well: u64,
}

impl Stage {
    async fn set(row: &'static Row, call: Call, trust: &Trust) -> Self {
        let cloud = Cloud::empty().await;
        let struck = cloud.add("struck").await.job_id;
        let well = cloud.add("well").await.job_id;
        let relay = match row.trouble {
            Trouble::Simulator(_) => None,
            Trouble::Network(_) => Some(Relay::to(&cloud)),
            Trouble::Certificate(_) => {
                Some(Relay::with_tls(&cloud, &trust.authority.issue_server()))
            }
        };
        Self { row, call, cell: row.cell(call), cloud, relay, struck, well }
    }

    /// Its project in the configuration.
    fn project(&self, folder: &Path) -> String {
        let password = self.password_file(folder);
        std::fs::write(&password, if self.is_held() { WRONG } else { secrets::PASSWORD }).unwrap();
        let auth = format!("password_file = \"{}\"\nproject_name = \"demo\"", password.display());
        let ca_file = format!("ca_file = \"{}\"", folder.join("ca.pem").display());
        let is_tls = matches!(self.row.trouble, Trouble::Certificate(_));
        let setup =
            Setup { auth: &auth, project: if is_tls { &ca_file } else { "" }, ..Setup::new() }
                .with(self.row.name, [self.struck, self.well], "\"latest\"");
        match (&self.relay, self.call) {
            (None, _) => setup.projects_at(&self.cloud, &self.cloud),
            (Some(relay), Call::Token) => setup.projects_at(&self.cloud, relay),
            (Some(relay), _) => setup.projects_at(relay, &self.cloud),
        }
    }

    fn password_file(&self, folder: &Path) -> std::path::PathBuf {
        folder.join(self.row.name)
    }

    /// The credentials were refused: nobody shows them again until they change.
    fn is_held(&self) -> bool {
        self.call == Call::Token && matches!(self.reason(), Some("unauthorized" | "forbidden"))
    }

    fn reason(&self) -> Option<&'static str> {
        match self.cell {
            Cell::Fails(reason) | Cell::FailsWhole(reason) => Some(reason.as_str()),
            Cell::Shows(_) | Cell::Cannot(_) => None,
        }
    }

    async fn begin(&self, trust: &Trust) {
        let about_a_job = matches!(self.call, Call::Versions | Call::Detail);
        match (self.row.trouble, &self.relay) {
            (Trouble::Simulator(value), _) => {
                let (name, on) = (self.row.name, self.call.as_str());
                let mut fault = format!("\"fault\": \"{name}\", \"on\": \"{on}\"");
                if let Some(value) = value {
                    let _ = write!(fault, ", \"value\": {value}");
                }
                if about_a_job {
                    let _ = write!(fault, ", \"job_id\": {}", self.struck);
                }
                self.cloud.fault(&fault).await;
            }
            (Trouble::Network(kind), Some(relay)) => {
                relay.suffer(Some(Accident { kind, on: self.call.path(self.struck) }));
            }
            (Trouble::Certificate(shown), Some(relay)) => relay.show(&trust.show(shown)),
            (_, None) => unreachable!("the network's troubles have a relay"),
        }
        if self.call == Call::Detail {
            // A version's own document is read once: it takes a new one to have it asked for.
            self.cloud.add("struck").await;
        }
    }

    async fn end(&self, trust: &Trust) {
        match (self.row.trouble, &self.relay) {
            (Trouble::Network(_), Some(relay)) => relay.suffer(None),
            (Trouble::Certificate(_), Some(relay)) => relay.show(&trust.authority.issue_server()),
            _ => self.cloud.heal().await,
        }
        if self.is_held() {
            let password = self.password_file(trust.folder.path());
            std::fs::write(password, secrets::PASSWORD).unwrap();
        }
    }

    /// An expectation with the labels of this project, of the struck job, and of the version of it that
    /// the fault is about.
    fn of_struck(&self, version: &str, line: &str) -> String {
        let project = format!("project=\"{}\"", self.row.name);
        let job = format!("{project},job_id=\"{}\"", self.struck);
        line.replace("{version}", &format!("{job},version=\"{version}\""))
            .replace("{job}", &job)
            .replace("{project}", &project)
    }

    fn of_well(&self, line: &str) -> String {
        line.replace("{well}", &format!("project=\"{}\",job_id=\"{}\"", self.row.name, self.well))
    }

    /// Nothing is wrong.
    fn is_well(&self, version: &str) -> Vec<String> {
        let struck = [
            "modelarts_up{{project}} == 1",
            "modelarts_job_poll_success{{job}} == 1",
            "modelarts_job_status{{version},status=\"running\"} == 1",
            // A version's own document that could be read, however badly, is not read again.
            match (self.cell, version) {
                (Cell::Shows(_), "V0002") => {
                    "modelarts_job_info{{version},job_name=\"struck\"} == 1"
                }
                _ => {
                    "modelarts_job_info{{version},job_name=\"struck\",flavor=\"modelarts.vm.gpu.v100NV\"} == 1"
                }
            },
        ];
        let well = "modelarts_job_poll_success{{well}} == 1";
        let mut lines: Vec<_> = struck.iter().map(|line| self.of_struck(version, line)).collect();
        lines.push(self.of_well(well));
        lines
    }

    /// The version that the fault is about.
    fn version(&self) -> &'static str {
        if self.call == Call::Detail { "V0002" } else { "V0001" }
    }

    /// What the fault makes of it.
    fn is_struck(&self) -> Vec<String> {
        let operation = self.call.as_str();
        let errors = |least: u8| {
            let reason = self.reason().unwrap_or_default();
            format!(
                "modelarts_exporter_api_errors_total{{{{project}},operation=\"{operation}\",reason=\"{reason}\"}} > {least}"
            )
        };
        let (up, down) = ("modelarts_up{{project}} == 1", "modelarts_up{{project}} == 0");
        let fails = "modelarts_job_poll_success{{job}} == 0";
        let known = "modelarts_job_status{{version},status=\"running\"} == 1";
        let result = |result: &str, least: u8| {
            format!("modelarts_exporter_polls_total{{{{project}},result=\"{result}\"}} > {least}")
        };
        let none = |result: &str| {
            format!("modelarts_exporter_polls_total{{{{project}},result=\"{result}\"}} == 0")
        };
        let well = self.of_well("modelarts_job_poll_success{{well}} == 1");
        let well_fails = self.of_well("modelarts_job_poll_success{{well}} == 0");
        let lines: Vec<String> = match (self.cell, self.call) {
            (Cell::Shows(lines), _) => {
                lines.iter().map(|line| (*line).to_owned()).chain([up.to_owned(), well]).collect()
            }
            (_, Call::Token) => vec![
                down.to_owned(),
                fails.to_owned(),
                well_fails,
                "modelarts_job_status{{project}} absent".to_owned(),
                "modelarts_exporter_api_requests_total{{project},operation=\"versions\"} absent"
                    .to_owned(),
                result("failed", 1),
                // Refused credentials are shown once.
                errors(u8::from(!self.is_held())),
            ],
            (_, Call::List) => vec![
                up.to_owned(),
                "modelarts_job_poll_success{{job}} == 1".to_owned(),
                known.to_owned(),
                well,
                errors(1),
                none("failed"),
                none("partial"),
            ],
            (Cell::FailsWhole(_), _) => {
                vec![down.to_owned(), fails.to_owned(), well_fails, known.to_owned(), errors(1)]
            }
            // The cloud says that the job is no more: its series go with it, and it is asked seldom.
            (_, Call::Versions) if self.reason() == Some("not_found") => vec![
                up.to_owned(),
                fails.to_owned(),
                "modelarts_job_status{{job}} absent".to_owned(),
                well,
                errors(0),
                result("failed", 0),
            ],
            (_, Call::Versions) => vec![
                up.to_owned(),
                fails.to_owned(),
                known.to_owned(),
                well,
                errors(2),
                result("failed", 2),
                none("partial"),
            ],
            (_, Call::Detail) => vec![
                up.to_owned(),
                fails.to_owned(),
                known.to_owned(),
                "modelarts_job_info{{version},flavor=\"\"} == 1".to_owned(),
                "modelarts_job_cpu_usage_ratio{{version}} > 0".to_owned(),
                well,
                errors(1),
                result("partial", 1),
                none("failed"),
            ],
        };
        lines.iter().map(|line| self.of_struck(self.version(), line)).collect()
    }

    /// Polls that did not bring everything.
    fn spoiled(&self, scrape: &Scrape) -> f64 {
        ["failed", "partial"]
            .map(|result| {
                let name = self.row.name;
                let series = "modelarts_exporter_polls_total";
                scrape.sum(&format!("{series}{{project=\"{name}\",result=\"{result}\"}}"))
            })
            .iter()
            .sum()
    }

    /// The lines about it that hold one of these words.
    fn lines<'a>(&self, log: &'a str, words: &[&str]) -> Vec<&'a str> {
        let of_project = format!(" project={} ", self.row.name);
        let own = log.lines().filter(|line| format!("{line} ").contains(&of_project));
        own.filter(|line| words.iter().any(|word| line.contains(word))).collect()
    }

    /// The log tells of it once, with what can be done, and once that it is over.
    fn was_said(&self, log: &str) {
        let begun = self.lines(log, &["cannot be polled", "jobs cannot be read"]);
        let over = self.lines(log, &OVER);
        let Some(reason) = self.reason() else {
            assert!(begun.is_empty() && over.is_empty(), "{}: {begun:?} {over:?}", self.row.name);
            return;
        };
        assert!(begun.len() == 1 && over.len() == 1, "{}: {begun:?} {over:?}", self.row.name);
        let remedy = begun[0].split_once("remedy=").map(|(_, remedy)| remedy);
        // The words of the cloud are all there is to say about these.
        assert_eq!(remedy.is_none(), matches!(reason, "server_error" | "rejected"), "{begun:?}");
        for key in remedy.into_iter().flat_map(|remedy| remedy.split('`').skip(1).step_by(2)) {
            assert!(is_a_key(key), "there is no {key:?}: {begun:?}");
        }
    }
}

/// A key of the configuration, as the reference names it: alone, after its table, or with a value.
fn is_a_key(text: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let key = text.split(' ').next().unwrap_or_default();
    let last = key.rsplit('.').next().unwrap_or_default();
    page.contains(&format!("| `{last}` |")) || page.contains(&format!("projects.{key}]"))
}

/// Plays every row that the call has, all at once.
pub(super) async fn play(call: Call) {
    let trust = Trust::new();
    let mut stages = Vec::new();
    for row in ROWS.iter().filter(|row| !matches!(row.cell(call), Cell::Cannot(_))) {
        stages.push(Stage::set(row, call, &trust).await);
    }
    let other = Cloud::empty().await;
    let untouched = other.add("untouched").await.job_id;
    let setup = Setup { poll: POLL, tables: TABLES, ..Setup::of([]) };
    let mut file = setup.head();
    for stage in &stages {
        file += &stage.project(trust.folder.path());
    }
    let setup = Setup::new().with(OTHER, [untouched], "\"latest\"");
    file += &setup.projects_at(&other, &other);

    // A token lasts a day: only one that is still to come can be spoiled.
    let from_the_start = call == Call::Token;
    if from_the_start {
        for stage in &stages {
            stage.begin(&trust).await;
        }
    }
    let daemon = Daemon::start(&file).await;
    if !from_the_start {
        let well: Vec<_> = stages.iter().flat_map(|stage| stage.is_well("V0001")).collect();
        daemon.shows(&well).await;
        for stage in &stages {
            stage.begin(&trust).await;
        }
    }
    let struck: Vec<_> = stages.iter().flat_map(Stage::is_struck).collect();
    let broken = daemon.shows(&struck).await;
    only_known_reasons(&stages, &broken);
    goes_on(&daemon, &stages, &broken).await;

    for stage in &stages {
        stage.end(&trust).await;
    }
    let healed = daemon.scrape().await;
    let well: Vec<_> = stages.iter().flat_map(|stage| stage.is_well(stage.version())).collect();
    let after = daemon.shows(&well).await;
    for stage in &stages {
        // The next poll after the fault is good: only those under way could still fail. What waits for
        // a token waits for the end of the hold.
        let under_way = if call == Call::Token { f64::INFINITY } else { 2.0 };
        let late = stage.spoiled(&after) - stage.spoiled(&healed);
        assert!(late <= under_way, "{}: {late} polls failed afterwards", stage.row.name);
    }
    // A list that comes again shows nothing new of the jobs.
    wait_for(PATIENCE, "the log to say that all is over", async || {
        let log = daemon.log();
        let on = |stage: &&Stage| stage.reason().is_some() && stage.lines(&log, &OVER).is_empty();
        let on: Vec<_> = stages.iter().filter(on).map(|stage| stage.row.name).collect();
        if on.is_empty() { Ok(()) } else { Err(on.join(" ")) }
    })
    .await;
    let Finished { stderr: log, .. } = daemon.stop().await;
    // No library beside us says it again and again.
    assert!(!log.contains("level=error"), "{log}");
    for stage in &stages {
        stage.was_said(&log);
    }
}

/// A fault is counted as what it is and as nothing else, and in its own project.
fn only_known_reasons(stages: &[Stage], scrape: &Scrape) {
    for stage in stages {
        let name = stage.row.name;
        for series in
            scrape.find(&format!("modelarts_exporter_api_errors_total{{project=\"{name}\"}}"))
        {
            let is_known = match stage.reason() {
                Some(reason) => series.labels.contains(&("reason".to_owned(), reason.to_owned())),
                None => {
                    stage.is_struck().iter().any(|line| line.contains("reason=\"unauthorized\""))
                }
            };
            assert!(is_known, "{name}: {series:?}");
        }
    }
}

/// The other project knows of nothing, and the well jobs are polled on.
async fn goes_on(daemon: &Daemon, stages: &[Stage], broken: &Scrape) {
    let labels = format!("project=\"{OTHER}\"");
    let of_other = [
        format!("modelarts_up{{{labels}}} == 1"),
        format!("modelarts_job_poll_success{{{labels}}} == 1"),
        format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
        format!("modelarts_exporter_polls_total{{{labels},result=\"failed\"}} == 0"),
        format!("modelarts_exporter_polls_total{{{labels},result=\"partial\"}} == 0"),
        format!("modelarts_exporter_api_errors_total{{{labels}}} absent"),
    ];
    assert_eq!(broken.unmet(&of_other), Vec::<String>::new());
    let last = "modelarts_job_poll_last_success_timestamp_seconds";
    let mut newer = vec![format!("{last}{{{labels}}}")];
    for stage in stages {
        let well_fails = matches!(stage.cell, Cell::FailsWhole(_)) || stage.call == Call::Token;
        if !well_fails {
            newer.push(stage.of_well(&format!("{last}{{{{well}}}}")));
        }
    }
    let newer: Vec<_> =
        newer.iter().map(|series| format!("{series} > {}", broken.get(series).unwrap())).collect();
    let later = daemon.shows(&newer).await;
    assert_eq!(later.unmet(&of_other), Vec::<String>::new());
}
