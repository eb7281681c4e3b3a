//! The documents that follow from the table of keys: the commented example file and the reference.

use std::fmt::Write;

use super::keys::{Initial, KEYS, Key};
use super::web_file;

const EXAMPLE_HEAD: &str = "\
# Configuration of modelarts-exporter: every key at its default.
# Written by `make docs` from the table of keys; `modelarts-exporter generate config` prints it.
#
# Durations are \"30s\", \"5m\", \"24h\", \"30d\"; sizes are \"64KiB\", \"16MiB\". Unknown keys are errors:
#   modelarts-exporter check --config.file=modelarts-exporter.toml
";

const PROJECTS_HEAD: &str = "
# One block like this for each project. Remove one `#` from each line that begins with it and no
# space, and fill in what is yours; what then still begins with `#` may be left out.
";

const OWN_POLL_NOTE: &str = "Any key of `[poll]`, for this project.";
const OWN_POLL_EXAMPLE: &str = "poll = { interval = \"30s\", requests_per_minute = 120 }";

/// The commented example file.
pub fn example_file() -> String {
    let mut page = EXAMPLE_HEAD.to_owned();
    for (section, keys) in sections() {
        let in_project = section.starts_with("projects[]");
        if section == "projects[]" {
            page.push_str(PROJECTS_HEAD);
        } else {
            page.push('\n');
        }
        let comment = if in_project { "#" } else { "" };
        put(&mut page, &format!("{comment}{}", header(section)));
        for key in keys {
            put_wrapped(&mut page, key.doc);
            let is_optional = matches!(key.initial, Initial::Absent(_));
            let value = toml_value(key.initial);
            let comment = format!("{comment}{}", if is_optional { "#" } else { "" });
            put(&mut page, &format!("{comment}{} = {value}", name(key)));
        }
        if section == "projects[]" {
            put_wrapped(&mut page, OWN_POLL_NOTE);
            put(&mut page, &format!("##{OWN_POLL_EXAMPLE}"));
        }
    }
    page
}

const REFERENCE_HEAD: &str = "\
# Configuration

Written by `make docs` from the table of keys that the exporter itself checks against; do not edit.
`config/modelarts-exporter.toml` is the same as a file to copy, `config/minimal.toml` the least that works.

The file is TOML, or YAML where its name ends in `.yaml` or `.yml`. Unknown keys are errors, and
`modelarts-exporter check --config.file=PATH` reports every mistake at once: the place, the key and
the reason, never a value. Paths in the file are relative to the file; paths in the environment are
relative to the working directory.

A flag beats the environment, the environment beats the file, the file beats the default.

**Environment.** `MODELARTS_EXPORTER_` and the key, with `__` between levels and numbers for the
tables of a list: `MODELARTS_EXPORTER_POLL__INTERVAL=30s`,
`MODELARTS_EXPORTER_PROJECTS__0__AUTH__PASSWORD_FILE=/run/secrets/password`,
`MODELARTS_EXPORTER_PROJECTS__0__JOBS__1__JOB_ID=182626`. Lists are separated by commas. A value
takes its type from its key, so an id of digits stays an id. Names that do not begin with a section
are ignored with a warning: Kubernetes makes some of its own beside a Service of our name.

**Flags.** `--config.file`, `--web.listen-address` (repeatable), `--web.telemetry-path`,
`--web.route-prefix`, `--web.max-requests`, `--web.config.file`,
`--web.systemd-socket`, `--web.enable-lifecycle`, `--web.enable-config`, `--shard.index`,
`--shard.total`, `--log.level`, `--log.format`.
No flag takes a secret.

**Changes without a restart.** SIGHUP, or `POST /-/reload` where `web.enable_lifecycle` is set, reads the
same file, environment and flags again, and takes all of it into use or nothing: where there is a
mistake, the log and the answer (status 500) name every one, as `check` does, the configuration before
stays in use and `modelarts_exporter_config_last_reload_successful` is 0.

Projects that did not change notice nothing, except that credentials the cloud refused are shown to it
again. Of those that did, the answers so far are kept as long as `name`, `api`, `endpoint` and
`project_id` stay; without `project_id`, what IAM finds the project by has to stay, too:
`auth.iam_endpoint`, `auth.project_name` and `auth.domain`, or with an agency `auth.agency_domain`. What
was removed loses its series at once. What is under `[web]`, `[state]` and `[shard]`, and `log.format`, needs a
restart: such a key keeps its old value, and the answer and the log name it. The web configuration file
itself is followed on disk. What came through a pipe cannot be read again.

`GET /config` shows what is in use, with `<secret>` in the place of secrets; from other machines, and
through a proxy that says for whom it asks, only where `web.enable_config` is set.

**Other clients' environment.** What the first project does not say of its credentials is taken from
what users of these clouds have already, in this order: `HUAWEICLOUD_SDK_AK`, `_SK`, `_SECURITY_TOKEN`,
`_PROJECT_ID`, `_IAM_ENDPOINT`; `OS_AUTH_URL`, `OS_USERNAME`, `OS_PASSWORD`, `OS_USER_DOMAIN_NAME` or
`OS_DOMAIN_NAME`, `OS_PROJECT_NAME` or `OS_TENANT_NAME`, `OS_PROJECT_ID` or `OS_TENANT_ID`, `OS_TOKEN`,
`OS_ACCESS_KEY` or `OS_AK`, `OS_SECRET_KEY` or `OS_SK`, `OS_SECURITY_TOKEN`; and `auth` of the cloud that
`OS_CLOUD` names in `OS_CLIENT_CONFIG_FILE`, or in the first `clouds.yaml` of `.`, `~/.config/openstack`
and `/etc/openstack`. Only keys of the project's method that no file, flag or variable of ours sets are
filled in; without any `auth` the method follows from what is found. User, domain and password come from
one place, and so do the parts of an access key: where the file names a user or a key, only from a place
that names the same. A line in the log names what was taken.

**Units.** Durations are `30s`, `5m`, `1h30m`, `30d` (a day is 24 hours); sizes are `64KiB`, `16MiB`, `1GB`.

**Secrets.** Every secret has a twin ending in `_file`, which is read again when its content changes;
while the file is gone or empty the last secret stays in use. Set one of the two.

**What is checked across keys.** Project names differ; a project lists each job once, and at
least one unless `discovery.enabled`; `max_staleness` is at least 2 x `interval` + `timeout`, so that one failed poll makes no gap;
`project_id` is set, or with a token from IAM `auth.project_name`; keys of another `auth.method` are
refused; secret files and `ca_file` can be read. A `timeout` longer than the `interval`, plain `http` beyond loopback and
`insecure_skip_verify` are allowed, with a warning in the log.
";

/// The reference of the configuration, `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = REFERENCE_HEAD.to_owned();
    for (section, keys) in sections() {
        put(&mut page, &format!("\n## `{}`\n", header(section)));
        put(&mut page, "| key | takes | default | meaning |\n|---|---|---|---|");
        for key in keys {
            let default = match key.initial {
                Initial::Absent(_) => "none".to_owned(),
                Initial::Required(_) => "required".to_owned(),
                Initial::With { when, .. } => format!("required with {when}"),
                initial => format!("`{}`", toml_value(initial)),
            };
            let takes = key.kind.describe();
            put(&mut page, &format!("| `{}` | {takes} | {default} | {} |", name(key), key.doc));
        }
        if section == "projects[]" {
            put(&mut page, &format!("| `poll` | table | none | {OWN_POLL_NOTE} |"));
        }
    }
    page.push_str(&web_file::reference());
    page
}

/// The keys, section by section, in the table's order.
fn sections() -> Vec<(&'static str, Vec<&'static Key>)> {
    let mut sections: Vec<(&str, Vec<&Key>)> = Vec::new();
    for key in KEYS {
        let section = key.path.rsplit_once('.').map_or("", |(section, _)| section);
        match sections.last_mut() {
            Some((last, keys)) if *last == section => keys.push(key),
            _ => sections.push((section, vec![key])),
        }
    }
    sections
}

fn name(key: &Key) -> &'static str {
    key.path.rsplit('.').next().unwrap_or(key.path)
}

/// The section's header in TOML: `[web]`, `[[projects]]`, `[projects.auth]`.
pub(super) fn header(section: &str) -> String {
    match section.strip_suffix("[]") {
        Some(list) => format!("[[{}]]", list.replace("[]", "")),
        None => format!("[{}]", section.replace("[]", "")),
    }
}

fn toml_value(initial: Initial) -> String {
    match initial {
        Initial::Text(text) => format!("\"{text}\""),
        Initial::Number(number) => number.to_string(),
        Initial::Bool(on) => on.to_string(),
        Initial::List(items) => {
            let items: Vec<_> = items.iter().map(|item| format!("\"{item}\"")).collect();
            format!("[{}]", items.join(", "))
        }
        Initial::Absent(example) | Initial::Required(example) | Initial::With { example, .. } => {
            example.to_owned()
        }
    }
}

fn put(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

/// A comment of lines that fit a terminal.
fn put_wrapped(page: &mut String, text: &str) {
    const WIDTH: usize = 98;
    let mut width = 0;
    for word in text.split(' ') {
        let is_first = width == 0;
        if is_first || width + 1 + word.len() > WIDTH {
            page.push_str(if is_first { "#" } else { "\n#" });
            width = 1;
        }
        // Writing to a String cannot fail.
        let _ = write!(page, " {word}");
        width += 1 + word.len();
    }
    page.push('\n');
}
