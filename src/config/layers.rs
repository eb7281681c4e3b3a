//! The layers of the configuration: file, environment, flags; a later one wins, key by key.
//!
//! Figment merges them and remembers where each value came from. Its own readers stay unused: the
//! one for the environment guesses types (an all-digit id becomes a number), and their messages
//! repeat values.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::keys;
use super::mistake::{Refusal, Report};

/// What every environment variable of ours begins with.
const ENVIRONMENT_PREFIX: &str = "MODELARTS_EXPORTER_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The file, the environment variable or the flag.
    pub(super) place: String,
    /// Whether it came as text that has no type yet.
    pub(super) is_text: bool,
}

impl Origin {
    /// Where figment says a value came from.
    pub(super) fn of(value: &Value, figment: &Figment) -> Self {
        let metadata = figment.get_metadata(value.tag());
        let is_text = metadata
            .is_some_and(|metadata| metadata.source.as_ref().is_some_and(|s| s.custom().is_some()));
        Self {
            place: metadata.map(|metadata| metadata.name.to_string()).unwrap_or_default(),
            is_text,
        }
    }
}

/// One layer: a tree of values that all came from one place.
pub(super) struct Layer {
    origin: Origin,
    tree: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.origin.place.clone());
        if self.origin.is_text { metadata.source("text") } else { metadata }
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.tree.clone()))
    }
}

/// Merges file, environment and flags. Lists of tables have become tables with numbers for keys, so
/// that one key of one project can be set from outside.
pub(super) fn merge(
    file: Option<(&Path, Dict)>,
    environment: &[(String, String)],
    flags: &[(String, String)],
    report: &mut Report,
) -> Figment {
    let mut figment = Figment::new();
    if let Some((path, tree)) = file {
        let origin = Origin { place: path.display().to_string(), is_text: false };
        figment = figment.merge(Layer { origin, tree: number_lists(tree, "") });
    }
    let mut environment: Vec<_> = environment.iter().collect();
    environment.sort();
    for (name, text) in environment {
        if let Some(keys) = environment_keys(name, report) {
            figment = figment.merge(text_layer(name.clone(), &keys, text));
        }
    }
    for (key, text) in join_repeated(flags) {
        let keys: Vec<_> = key.split('.').map(str::to_owned).collect();
        figment = figment.merge(text_layer(flag_name(key), &keys, &text));
    }
    figment
}

/// Reads the file: TOML, or YAML where its name says so. `None`: the report says why.
pub(super) fn read_file(path: &Path, report: &mut Report) -> Option<Dict> {
    let outcome = fs::read(path)
        .map_err(|error| unreadable(&error))
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| Refusal::new("is not UTF-8 text", ""))
        })
        .map_err(|refusal| (String::new(), refusal))
        .and_then(|text| parse(path, text.trim_start_matches('\u{feff}')));
    outcome.map_err(|(line_and_column, refusal)| report.missing(&line_and_column, refusal)).ok()
}

/// Why a file could not be read, in the words of this house instead of the system's.
pub(super) fn unreadable(error: &std::io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::NotFound => Refusal::new("does not exist", ""),
        ErrorKind::PermissionDenied => {
            Refusal::new("may not be read", "give the exporter's user the right to read it")
        }
        ErrorKind::IsADirectory => Refusal::new("is a directory", "name a file"),
        _ => Refusal::new(format!("cannot be read: {error}"), ""),
    }
}

fn parse(path: &Path, text: &str) -> Result<Dict, (String, Refusal)> {
    let is_yaml = path.extension().is_some_and(|ending| {
        ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")
    });
    if is_yaml { parse_yaml(text) } else { parse_toml(text) }
}

fn parse_toml(text: &str) -> Result<Dict, (String, Refusal)> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| line_and_column(text, span.start));
        // The parser's messages are fixed sentences; the line it would show may hold a secret.
        let reason = format!("is not TOML: {}", error.message().lines().next().unwrap_or_default());
        (place.unwrap_or_default(), Refusal::new(reason, ""))
    })
}

/// Reads a table of keys in YAML; an error says at which line and column, if at any.
pub(super) fn parse_yaml(text: &str) -> Result<Dict, (String, Refusal)> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
        return Ok(Dict::new());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place =
            error.location().map(|at| format!("line {}, column {}", at.line(), at.column()));
        // This parser's messages repeat what they found.
        (place.unwrap_or_default(), Refusal::new("is not YAML with a table of keys", ""))
    })
}

fn line_and_column(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

/// Turns lists of tables into tables with the keys `0`, `1`, …, which figment merges one by one.
fn number_lists(tree: Dict, pattern: &str) -> Dict {
    let below = |key: &str| join(pattern, key);
    tree.into_iter()
        .map(|(key, value)| {
            let pattern = below(&key);
            let value = match value {
                Value::Dict(tag, inner) => Value::Dict(tag, number_lists(inner, &pattern)),
                Value::Array(tag, items) if keys::is_table_list(&pattern) => {
                    let pattern = format!("{pattern}[]");
                    let numbered = items.into_iter().enumerate().map(|(index, item)| {
                        let item = match item {
                            Value::Dict(tag, inner) => {
                                Value::Dict(tag, number_lists(inner, &pattern))
                            }
                            other => other,
                        };
                        (index.to_string(), item)
                    });
                    Value::Dict(tag, numbered.collect())
                }
                other => other,
            };
            (key, value)
        })
        .collect()
}

/// A key below a section; the empty section is the whole file.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The keys an environment variable names, from the outermost in. `None`: it is not ours.
fn environment_keys(name: &str, report: &mut Report) -> Option<Vec<String>> {
    let rest = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    let keys: Vec<_> = rest.split("__").map(str::to_ascii_lowercase).collect();
    // Kubernetes puts MODELARTS_EXPORTER_PORT=tcp://… into pods beside a Service of our name.
    if keys.len() < 2 || !keys::names_in("").contains(&keys[0].as_str()) {
        report.warn(name, "is not a key of the configuration and is ignored");
        return None;
    }
    Some(keys)
}

/// A layer of one value that came as text.
pub(super) fn text_layer(place: String, keys: &[String], text: &str) -> Layer {
    let leaf = Value::from(text);
    let mut tree = Dict::new();
    if let Some((first, inner)) = keys.split_first() {
        let nest = |value, key: &String| Value::from(Dict::from([(key.clone(), value)]));
        tree.insert(first.clone(), inner.iter().rev().fold(leaf, nest));
    }
    Layer { origin: Origin { place, is_text: true }, tree }
}

/// A flag given several times is a list.
fn join_repeated(flags: &[(String, String)]) -> Vec<(&str, String)> {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (key, text) in flags {
        match joined.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => {
                all.push(',');
                all.push_str(text);
            }
            None => joined.push((key, text.clone())),
        }
    }
    joined
}

/// The flag that sets a key: `web.listen_addresses` is the one whose flag stands for one of many.
fn flag_name(key: &str) -> String {
    match key {
        "web.listen_addresses" => "--web.listen-address".to_owned(),
        "web.config_file" => "--web.config.file".to_owned(),
        key => format!("--{}", key.replace('_', "-")),
    }
}

/// Where the paths of a value are relative to: the file that names them, or the working directory.
pub(super) fn resolve(path: &Path, origin: &Origin) -> PathBuf {
    match Path::new(&origin.place).parent() {
        Some(folder) if !origin.is_text => folder.join(path),
        _ => path.to_owned(),
    }
}
