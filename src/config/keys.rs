//! The table of keys: what there is to configure, what it may be and what it is when left out.
//!
//! Checking, the environment, the commented example file and `docs/configuration.md` all follow
//! from it, so a new key is one row here and one line where the settings are built.

use std::time::Duration;

use super::kind::Kind;

/// One key of the configuration.
#[derive(Debug)]
pub(super) struct Key {
    /// The path, with `[]` after the name of a list of tables: `projects[].auth.method`.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) initial: Initial,
    /// One sentence, or two; shown in the example file and in the documentation.
    pub(super) doc: &'static str,
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Initial {
    /// A text, as it stands between the quotes.
    Text(&'static str),
    Number(u64),
    Bool(bool),
    List(&'static [&'static str]),
    /// Left out. The example shows what it may look like, in TOML.
    Absent(&'static str),
    /// Has to be there. The example shows what it may look like, in TOML.
    Required(&'static str),
    /// Has to be there with what `when` says. The example shows it.
    With {
        example: &'static str,
        when: &'static str,
    },
}

use Initial::{Absent, Bool, List, Number, Required, Text, With};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const DAY: Duration = seconds(86_400);
/// Ten years: longer than any job and any memory of it, and safely added to any clock.
const FOREVER: Duration = seconds(3_650 * 86_400);
/// Demonstrations and tests poll this fast; below it, timers are no longer worth their name.
const SHORTEST_POLL: Duration = Duration::from_millis(100);
const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
/// Label values longer than this are cut anyway, and two projects must not be cut to the same name.
const LONGEST_NAME: usize = 64;
const LONGEST_TEXT: usize = 1_024;

/// How long a poll may be spaced.
const CADENCE: Kind = Kind::Duration { least: SHORTEST_POLL, most: DAY };
/// How long something may be remembered.
const MEMORY: Kind = Kind::Duration { least: Duration::ZERO, most: FOREVER };
const NAME: Kind = Kind::Text { longest: LONGEST_NAME };
const TEXT: Kind = Kind::Text { longest: LONGEST_TEXT };

const fn count(least: u64, most: u64) -> Kind {
    Kind::Integer { least, most }
}

const fn key(path: &'static str, kind: Kind, initial: Initial, doc: &'static str) -> Key {
    Key { path, kind, initial, doc }
}

/// Every key, in the order of the example file. The reason for a number stands above its row.
pub(super) const KEYS: &[Key] = &[
    // Loopback: nobody sees the jobs of an account by accident. The port is free in Prometheus' list.
    key(
        "web.listen_addresses",
        Kind::Addresses,
        List(&["127.0.0.1:10977"]),
        "Addresses to listen on, `host:port`; `:10977` is every address of the machine, port 0 lets the system choose.",
    ),
    key("web.telemetry_path", Kind::TelemetryPath, Text("/metrics"), "Path of the metrics."),
    key(
        "web.route_prefix",
        Kind::RoutePrefix,
        Text(""),
        "Put before every path, for a reverse proxy that passes its own path on.",
    ),
    // The exporters of Prometheus' own house allow as many.
    key(
        "web.max_requests",
        count(1, 100_000),
        Number(40),
        "Requests answered at once; more get 503. Health endpoints do not count.",
    ),
    key(
        "web.config_file",
        Kind::Path,
        Absent("\"web.yml\""),
        "TLS, client certificates and users: a YAML file with the keys of Prometheus' exporter-toolkit.",
    ),
    key(
        "web.systemd_socket",
        Kind::Bool,
        Bool(false),
        "Listen on the sockets that a systemd `.socket` unit hands over, instead of the addresses.",
    ),
    key(
        "web.enable_lifecycle",
        Kind::Bool,
        Bool(false),
        "Answer `POST /-/reload`, by which whoever may ask makes the exporter read its configuration again.",
    ),
    key(
        "web.enable_config",
        Kind::Bool,
        Bool(false),
        "Show `/config` to everybody who may ask; otherwise only to clients on the same machine.",
    ),
    key(
        "log.level",
        Kind::LogFilter,
        Text("info"),
        "`error`, `warn`, `info`, `debug`, `trace` or `off`; or directives by module, such as `info,modelarts_exporter::cloud=debug`.",
    ),
    key(
        "log.format",
        Kind::Choice(&["logfmt", "json"]),
        Text("logfmt"),
        "How a log line is written.",
    ),
    // The API makes one sample a minute.
    key(
        "poll.interval",
        CADENCE,
        Text("60s"),
        "Between two polls of a running job. The API makes one sample a minute.",
    ),
    // A healthy answer takes well under a second; six missed tries still fit an interval.
    key(
        "poll.timeout",
        Kind::Duration { least: Duration::from_millis(10), most: seconds(600) },
        Text("10s"),
        "How long one request may take, from connecting to the last byte.",
    ),
    // A queue moves slowly, and a waiting job has no usage to miss.
    key(
        "poll.pending_interval",
        CADENCE,
        Text("2m"),
        "Between two polls of a job that waits for resources.",
    ),
    // A thousand jobs a request: the cheapest way to learn that one has changed.
    key(
        "poll.list_interval",
        CADENCE,
        Text("60s"),
        "Between two readings of the list of jobs, which carries the status of every job and spares polls of those that have ended. Without discovery, not read where it has more pages, of 1000 jobs each, than the project has jobs here.",
    ),
    // At 200 ms an answer this is 80 requests a second, more than any budget allows.
    key("poll.concurrency", count(1, 1_024), Number(16), "Requests in flight, for each project."),
    // One a second: far from the throttle of every region seen.
    key(
        "poll.requests_per_minute",
        count(0, 1_000_000),
        Number(60),
        "Requests a minute, for each project; 0 is unlimited. Too few for the interval: the interval stretches, and a metric says so.",
    ),
    // Prometheus' own lookback: a value looks as old here as it would there.
    key(
        "poll.max_staleness",
        Kind::Duration { least: SHORTEST_POLL, most: FOREVER },
        Text("5m"),
        "Values older than this are withdrawn. At least 2 x interval + timeout, so that one failed poll makes no gap.",
    ),
    // Long enough for a node to come back, short enough to be told the same day.
    key(
        "poll.lost_after",
        MEMORY,
        Text("15m"),
        "A job whose status is LOST for this long counts as ended.",
    ),
    // Six thousand running jobs with eight classes each: little to a Prometheus, much by accident.
    key(
        "limits.series",
        count(1_000, 100_000_000),
        Number(500_000),
        "Series of jobs and projects in all; above it the least important give way and are counted: classes first, what is unfinished last. The exporter's own are not counted.",
    ),
    // A detail with 100 classes is 100 KiB; output of the training code can make it far larger.
    key(
        "limits.answer_bytes",
        Kind::Bytes { least: KIB, most: GIB },
        Text("16MiB"),
        "The largest answer, unpacked; a larger one is an error of that job alone.",
    ),
    // Twice as many as a screen shows side by side in a chart of its own; a byte each.
    key(
        "limits.curve_points",
        count(10, 100_000),
        Number(240),
        "Points of a usage curve on the status page; where there are more samples, the smallest and the largest of each stretch. Each takes a byte for each measure of each version that is shown.",
    ),
    // The one that runs, the one it replaces, and the one before.
    key(
        "limits.versions_per_job",
        count(1, 10_000),
        Number(3),
        "Newest versions of one job that `versions = \"all\"` follows; versions listed by id or name are not cut.",
    ),
    key(
        "limits.classes_per_version",
        count(1, 100_000),
        Number(100),
        "Classes of one version that get quality metrics; more are dropped and counted.",
    ),
    key(
        "limits.tasks_per_version",
        count(1, 10_000),
        Number(32),
        "Tasks of one version whose usage is asked for (v2: a request each); more are dropped and counted.",
    ),
    key(
        "limits.extra_metrics_per_version",
        count(0, 10_000),
        Number(20),
        "Quality metrics beyond recall, precision, accuracy and F1 that are kept of one version, with `metrics.extra_model_metrics`.",
    ),
    key(
        "limits.label_value_length",
        count(16, 4_096),
        Number(128),
        "Longer label values are cut, in characters, and counted.",
    ),
    // A day: whoever looks in the morning sees what ended in the night.
    key(
        "limits.finished_retention",
        MEMORY,
        Text("24h"),
        "How long an ended version keeps its series; the newest version of a job that is named in `jobs` keeps them.",
    ),
    // A month: whoever looks at the last month sees how its jobs ended.
    key(
        "limits.outcome_retention",
        MEMORY,
        Text("30d"),
        "How long the outcomes of a name are kept after its last job left the cloud.",
    ),
    // Ten series each: a fifth of `limits.series`.
    key(
        "limits.outcome_names",
        count(1, 10_000_000),
        Number(10_000),
        "Names with outcomes, for each project. A new one takes the place of the one whose jobs have been gone for longest; while there is none, it is dropped and counted.",
    ),
    key(
        "state.file",
        Kind::Path,
        Absent("\"/var/lib/modelarts-exporter/state\""),
        "Where outcomes survive a restart; replaced as a whole, so that its folder must be writable. A second exporter with the same file does not start. Relative to this file.",
    ),
    key(
        "metrics.extra_model_metrics",
        Kind::Bool,
        Bool(false),
        "Also show quality metrics beyond recall, precision, accuracy and F1, as the training code named them.",
    ),
    key(
        "metrics.info_labels",
        Kind::InfoLabels,
        List(&[]),
        "Labels added to `modelarts_job_info`, of `user_name`, `job_desc`, `workspace_id`, `pool_id`.",
    ),
    key(
        "shard.index",
        count(0, 1_023),
        Absent("0"),
        "Which part of the jobs this process follows, from 0 on. Left out: the number after the last `-` of the host name (`HOSTNAME`), as a StatefulSet gives it.",
    ),
    key(
        "shard.total",
        count(1, 1_024),
        Number(1),
        "Into how many parts the jobs are divided, by project and the name their outcomes are kept under; each process has its own part of `requests_per_minute`. The list of jobs says what each is called; named `jobs` that it does not show, or all of them where it may not be read, are divided by their ids.",
    ),
    key("projects[].name", NAME, Required("\"vision\""), "Becomes the label `project`; unique."),
    key(
        "projects[].api",
        Kind::Choice(&["v1", "v2"]),
        Text("v1"),
        "Which generation of the ModelArts API the project's region speaks: `v1` with integer ids and versions (Open Telekom Cloud's historical APIs), `v2` with uuids (Huawei Cloud).",
    ),
    key(
        "projects[].endpoint",
        Kind::Url,
        Required("\"https://modelarts.eu-de.otc.t-systems.com\""),
        "The ModelArts endpoint of the region; a path is kept as a prefix.",
    ),
    key(
        "projects[].project_id",
        Kind::ProjectId,
        Absent("\"0123456789abcdef0123456789abcdef\""),
        "The cloud's id of the project, in quotes. Not needed where `auth.project_name` is set: the token names it.",
    ),
    key(
        "projects[].ca_file",
        Kind::Path,
        Absent("\"/etc/ssl/private-cloud.pem\""),
        "PEM certificates added to the system's roots, for IAM too. Relative to this file.",
    ),
    key(
        "projects[].insecure_skip_verify",
        Kind::Bool,
        Bool(false),
        "Trust any certificate. Said loudly, in the log and in a metric.",
    ),
    key(
        "projects[].proxy_url",
        Kind::ProxyUrl,
        Absent("\"http://proxy.example:3128\""),
        "HTTP proxy. Left out: `HTTPS_PROXY` and `NO_PROXY` decide.",
    ),
    key(
        "projects[].auth.method",
        Kind::Choice(&["password", "aksk", "token", "ecs_metadata"]),
        Text("password"),
        "How the exporter proves who it is: a user's password, an access key that signs every request, a token made elsewhere, or the temporary keys of the machine it runs on.",
    ),
    key(
        "projects[].auth.iam_endpoint",
        Kind::Url,
        With {
            example: "\"https://iam.eu-de.otc.t-systems.com\"",
            when: "`password`, or an agency",
        },
        "The IAM endpoint, without `/v3`.",
    ),
    key(
        "projects[].auth.domain",
        TEXT,
        With { example: "\"OTC-EU-DE-00000000001000000000\"", when: "`password`" },
        "The account's name.",
    ),
    key(
        "projects[].auth.username",
        TEXT,
        With { example: "\"exporter\"", when: "`password`" },
        "The IAM user's name.",
    ),
    key(
        "projects[].auth.password",
        Kind::Secret,
        Absent("\"...\""),
        "With `password`: the IAM user's password; better in a file.",
    ),
    key(
        "projects[].auth.password_file",
        Kind::Path,
        With { example: "\"/run/secrets/password\"", when: "`password`, unless `password` is set" },
        "A file with the password, read again when it changes; one newline at its end is dropped. Relative to this file.",
    ),
    key(
        "projects[].auth.project_name",
        TEXT,
        With { example: "\"eu-de\"", when: "`password`, unless `projects.project_id` is set" },
        "The project the token is for, by its name in the cloud. Also with an agency assumed by a token.",
    ),
    key(
        "projects[].auth.access_key",
        Kind::Secret,
        Absent("\"...\""),
        "With `aksk`: the access key (AK).",
    ),
    key(
        "projects[].auth.access_key_file",
        Kind::Path,
        Absent("\"/run/secrets/access_key\""),
        "A file with the access key, read again when it changes.",
    ),
    key(
        "projects[].auth.secret_key",
        Kind::Secret,
        Absent("\"...\""),
        "With `aksk`: the secret key (SK); better in a file.",
    ),
    key(
        "projects[].auth.secret_key_file",
        Kind::Path,
        Absent("\"/run/secrets/secret_key\""),
        "A file with the secret key, read again when it changes.",
    ),
    key(
        "projects[].auth.security_token",
        Kind::Secret,
        Absent("\"...\""),
        "With `aksk` and a temporary key: the token that came with it.",
    ),
    key(
        "projects[].auth.security_token_file",
        Kind::Path,
        Absent("\"/run/secrets/security_token\""),
        "A file with the token of a temporary key, read again when it changes.",
    ),
    key(
        "projects[].auth.signature",
        Kind::Choice(&["access", "scoped"]),
        Absent("\"access\""),
        "With `aksk` or `ecs_metadata`: the present signature (`Access=`), as when left out, or the older one (`Credential=`) for a region and a service.",
    ),
    key(
        "projects[].auth.region",
        TEXT,
        Absent("\"eu-de\""),
        "With `signature = \"scoped\"`: the region.",
    ),
    key(
        "projects[].auth.service",
        TEXT,
        Absent("\"modelarts\""),
        "With `signature = \"scoped\"`: the service.",
    ),
    key(
        "projects[].auth.token",
        Kind::Secret,
        Absent("\"...\""),
        "With `token`: a token made elsewhere, for this project. It is not renewed: better a file that somebody else keeps new.",
    ),
    key(
        "projects[].auth.token_file",
        Kind::Path,
        Absent("\"/run/secrets/token\""),
        "A file with a token made elsewhere, read again when it changes.",
    ),
    key(
        "projects[].auth.metadata_endpoint",
        Kind::Url,
        Absent("\"http://169.254.169.254\""),
        "With `ecs_metadata`: the metadata service, asked without any proxy. Left out: its link-local address.",
    ),
    key(
        "projects[].auth.agency_name",
        TEXT,
        Absent("\"monitoring\""),
        "With any method: the agency to assume, so that the exporter acts for the account that made it.",
    ),
    key(
        "projects[].auth.agency_domain",
        TEXT,
        Absent("\"OTC-EU-DE-00000000001000000001\""),
        "The name of the account that made the agency.",
    ),
    key(
        "projects[].outcome.name_regex",
        Kind::NameRule,
        Absent("'^(.*?)-\\d{8,}$'"),
        "Capture 1 is the name under which outcomes are kept; left out, or where it does not match, the whole name of the job.",
    ),
    key(
        "projects[].jobs[].job_id",
        Kind::JobId,
        Required("182626"),
        "The cloud's id of the job, a number or a text.",
    ),
    key(
        "projects[].jobs[].versions",
        Kind::Versions,
        Text("latest"),
        "`\"latest\"`, `\"all\"`, or a list of version ids or names such as `[278813, \"V0003\"]`.",
    ),
    key(
        "projects[].discovery.enabled",
        Kind::Bool,
        Bool(false),
        "Find jobs by the project's list, instead of or beside those listed here, whose own `versions` count. New ones appear and deleted ones disappear with the next list.",
    ),
    key(
        "projects[].discovery.name_regex",
        Kind::NamePattern,
        Absent("\"prod-.*\""),
        "Only jobs whose whole name matches: it is anchored at both ends, as in Prometheus.",
    ),
    // Whoever trains once a month still sees the last run.
    key(
        "projects[].discovery.max_age",
        MEMORY,
        Text("30d"),
        "Only jobs created within this time; one of unknown create time is not too old.",
    ),
    key(
        "projects[].discovery.statuses",
        Kind::Statuses,
        List(&[]),
        "Only jobs in one of these statuses, such as `[\"pending\", \"running\"]`; empty is all. A job that was found is followed to its end.",
    ),
    key(
        "projects[].discovery.versions",
        Kind::Versions,
        Text("latest"),
        "Which versions of them: `\"latest\"`, `\"all\"`, or a list of version names.",
    ),
    key(
        "projects[].discovery.workspace_id",
        TEXT,
        Absent("\"0\""),
        "Only jobs of this workspace. Left out, the cloud takes its default one, `0`.",
    ),
];

/// Keys of a project's own `poll` are those of the global one.
const OWN_POLL: &str = "projects[].poll.";

/// The key with that pattern; any key of `poll` may also stand in a project.
pub(super) fn find(pattern: &str) -> Option<&'static Key> {
    let global = pattern.strip_prefix(OWN_POLL).map(|rest| format!("poll.{rest}"));
    let pattern = global.as_deref().unwrap_or(pattern);
    KEYS.iter().find(|key| key.path == pattern)
}

/// Whether there are keys below that pattern.
pub(super) fn is_section(pattern: &str) -> bool {
    let below = format!("{pattern}.");
    below == OWN_POLL || KEYS.iter().any(|key| key.path.starts_with(&below))
}

/// Whether that pattern is a list of tables.
pub(super) fn is_table_list(pattern: &str) -> bool {
    is_section(&format!("{pattern}[]"))
}

/// The names that may stand directly in that section; the empty pattern is the whole file.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    let prefix = match section {
        "" => String::new(),
        "projects[].poll" => "poll.".to_owned(),
        section => format!("{section}."),
    };
    let mut names: Vec<_> = KEYS
        .iter()
        .filter_map(|key| key.path.strip_prefix(prefix.as_str()))
        .filter_map(|rest| rest.split(['.', '[']).next())
        .collect();
    if section == "projects[]" {
        names.push("poll");
    }
    names.sort_unstable();
    names.dedup();
    names
}
