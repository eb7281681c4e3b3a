//! The configuration in use, as a file that would say the same, with every secret left out.

use std::fmt::{self, Write as _};
use std::path::Path;

use url::Url;

use super::document::header;
use super::keys::{KEYS, Key};
use super::kind::{Kind, Typed};
use super::units::{format_bytes, format_duration};
use super::values::Values;
use crate::model::VersionSelection;

/// What stands in the place of a secret.
const SECRET: &str = "<secret>";

/// Beginnings of the keys that are taken once, at the start: sockets, paths and pages are there by then,
/// and a log line that is being written has its form.
const NEED_A_RESTART: [&str; 4] = ["web.", "log.format", "state.", "shard."];

/// The sections that hold for every project.
const SHARED: [&str; 3] = ["poll.", "limits.", "metrics.extra_model_metrics"];

const PROJECTS: &str = "projects[]";

/// Every key and its value, in the order of the table. `Display` writes it as TOML.
///
/// Secrets, access keys and the user parts of URLs stand there as `<secret>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// What is there once, the keys without a value too.
    single: Vec<(&'static str, Option<String>)>,
    /// The tables of the projects, each as it is written.
    projects: Vec<String>,
}

impl Effective {
    pub(super) fn of(values: &Values) -> Self {
        let single = KEYS.iter().filter(|key| !key.path.contains("[]"));
        Self {
            single: single.map(|key| (key.path, shown(key, key.path, values))).collect(),
            projects: (0..values.len("projects")).map(|index| project(index, values)).collect(),
        }
    }

    /// Takes over what needs a restart from the configuration before; returns those of these keys whose
    /// new value differs, which nobody obeys yet.
    pub fn following(&mut self, earlier: &Self) -> Vec<&'static str> {
        let mut differing = Vec::new();
        for ((path, value), (_, before)) in self.single.iter_mut().zip(&earlier.single) {
            let needs_restart = NEED_A_RESTART.iter().any(|start| path.starts_with(start));
            if needs_restart && value != before {
                value.clone_from(before);
                differing.push(*path);
            }
        }
        differing
    }

    /// Everything without secrets that the project at this place in the file is made from, its own keys
    /// and those that hold for every project.
    pub(super) fn of_project(&self, index: usize) -> String {
        let is_shared = |path: &str| SHARED.iter().any(|start| path.starts_with(start));
        let shared = self.single.iter().filter(|(path, _)| is_shared(path));
        let mut text = self.projects.get(index).cloned().unwrap_or_default();
        for (path, value) in shared {
            put(&mut text, path, value.as_deref());
        }
        text
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for (path, value) in self.single.iter().filter(|(_, value)| value.is_some()) {
            let (this, name) = path.split_once('.').unwrap_or(("", path));
            if this != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                writeln!(f, "{gap}{}", header(this))?;
                section = this;
            }
            writeln!(f, "{name} = {}", value.as_deref().unwrap_or_default())?;
        }
        self.projects.iter().try_for_each(|project| f.write_str(project))
    }
}

/// The tables of one project.
fn project(index: usize, values: &Values) -> String {
    let mut text = String::new();
    let own = |section: &str| section.replacen("[]", &format!("[{index}]"), 1);
    table(&mut text, PROJECTS, &own(PROJECTS), keys_of(PROJECTS), values);
    table(&mut text, "projects[].poll", &own("projects[].poll"), keys_of("poll"), values);
    let mut done = PROJECTS;
    for (section, _) in KEYS.iter().filter_map(|key| key.path.rsplit_once('.')) {
        if section != done && section.starts_with("projects[].") {
            for path in values.expand(&own(section)) {
                table(&mut text, section, &path, keys_of(section), values);
            }
            done = section;
        }
    }
    text
}

/// The keys that stand directly in a section.
fn keys_of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.path.rsplit_once('.').is_some_and(|(of, _)| of == section))
}

/// One table with what is in it; one that says nothing is left out, unless it is one of a list.
fn table(
    text: &mut String,
    section: &str,
    path: &str,
    keys: impl Iterator<Item = &'static Key>,
    values: &Values,
) {
    let mut rows = String::new();
    for key in keys {
        let name = key.path.rsplit('.').next().unwrap_or_default();
        put(&mut rows, name, shown(key, &format!("{path}.{name}"), values).as_deref());
    }
    if !rows.is_empty() || section.ends_with("[]") {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}\n{rows}", header(section));
    }
}

fn put(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = writeln!(text, "{name} = {value}");
    }
}

/// A key's value in TOML; `None` where it has none.
fn shown(key: &Key, path: &str, values: &Values) -> Option<String> {
    let typed = values.get(path)?;
    if key.path.ends_with(".access_key") {
        return Some(quoted(SECRET));
    }
    Some(match (typed, key.kind) {
        (Typed::Secret(proxy), Kind::ProxyUrl) => {
            use secrecy::ExposeSecret as _;
            quoted(&without_user(proxy.expose_secret()))
        }
        (Typed::Secret(_), _) => quoted(SECRET),
        (Typed::Duration(duration), _) => quoted(&format_duration(*duration)),
        (Typed::Integer(bytes), Kind::Bytes { .. }) => quoted(&format_bytes(*bytes)),
        (Typed::Integer(number), _) => number.to_string(),
        (Typed::Bool(on), _) => on.to_string(),
        (Typed::Text(text), _) => quoted(text),
        // As it was opened: what it was relative to is not seen here.
        (Typed::Path(file), _) => match values.path(path) {
            Some((resolved, _)) => quoted(&display(&resolved)),
            None => quoted(&display(file)),
        },
        (Typed::NamePattern(pattern), _) => quoted(pattern.as_str()),
        (Typed::NameRule(rule), _) => quoted(rule.pattern()?),
        (Typed::Url(url), _) => quoted(&without_user(url.as_str())),
        (Typed::Versions(VersionSelection::Latest), _) => quoted("latest"),
        (Typed::Versions(VersionSelection::All), _) => quoted("all"),
        (Typed::Versions(VersionSelection::Listed(versions)), _) => list(versions),
        (Typed::Statuses(statuses), _) => list(statuses.iter().map(|status| status.as_str())),
        (Typed::InfoLabels(labels), _) => list(labels.iter().map(|label| label.as_str())),
        (Typed::Addresses(addresses), _) => list(addresses.iter().map(ToString::to_string)),
    })
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// A URL whose user and password are not shown.
fn without_user(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.username().is_empty() && url.password().is_none() => text.to_owned(),
        Ok(url) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            format!("{}://{SECRET}@{host}{port}", url.scheme())
        }
        // The check of the file lets none such through.
        Err(_) => SECRET.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
