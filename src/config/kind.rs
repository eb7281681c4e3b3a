//! What a value may be, and how it is read: from the file with its type, from the environment and
//! the flags as text.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::mistake::Refusal;
use super::units::{format_bytes, format_duration, parse_bytes, parse_duration};
use super::web::{
    parse_addresses, parse_proxy, parse_route_prefix, parse_telemetry_path, parse_url,
};
use crate::metrics::InfoLabel;
use crate::model::{NamePattern, NameRule, NameRuleError, Status, VersionSelection};
use crate::server::ListenAddress;

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Duration { least: Duration, most: Duration },
    Bytes { least: u64, most: u64 },
    Integer { least: u64, most: u64 },
    Bool,
    Text { longest: usize },
    Secret,
    Path,
    NamePattern,
    NameRule,
    Url,
    ProxyUrl,
    ProjectId,
    JobId,
    Versions,
    Choice(&'static [&'static str]),
    Statuses,
    InfoLabels,
    Addresses,
    LogFilter,
    TelemetryPath,
    RoutePrefix,
}

/// A value that has been found good. Deliberately without `Debug`: it may be a secret.
pub(super) enum Typed {
    Duration(Duration),
    Integer(u64),
    Bool(bool),
    Text(String),
    Secret(SecretString),
    Path(PathBuf),
    NamePattern(NamePattern),
    NameRule(NameRule),
    Url(Url),
    Versions(VersionSelection),
    Statuses(Vec<Status>),
    InfoLabels(Vec<InfoLabel>),
    Addresses(Vec<ListenAddress>),
}

/// Longer ids are not the cloud's: v2's uuids have 36 characters.
const LONGEST_ID: usize = 64;
/// The level words; anything else without `=` would be read as a module's name and log nothing.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) type Parsed = Result<Typed, Refusal>;

impl Kind {
    /// Reads a value. `is_text`: it came as text, from the environment or a flag, and takes its
    /// type from this key; in the file a value has a type already, and a wrong one is a mistake.
    pub(super) fn parse(self, value: &Value, is_text: bool) -> Parsed {
        match self {
            Self::Duration { least, most } => parse_span(value, least, most),
            Self::Bytes { least, most } => parse_size(value, least, most),
            Self::Integer { least, most } => parse_integer(value, is_text, least, most),
            Self::Bool => parse_bool(value, is_text),
            Self::Text { longest } => {
                parse_text(text(value)?, longest).map(|text| Typed::Text(text.to_owned()))
            }
            Self::Secret => match text(value)? {
                "" => Err(Refusal::new("is empty", "")),
                secret => Ok(Typed::Secret(secret.into())),
            },
            Self::Path => match text(value)? {
                "" => Err(Refusal::new("is empty", "write the path of a file")),
                path => Ok(Typed::Path(path.into())),
            },
            Self::NamePattern => parse_name_pattern(text(value)?),
            Self::NameRule => parse_name_rule(text(value)?),
            Self::Url => parse_url(text(value)?).map(Typed::Url),
            Self::ProxyUrl => parse_proxy(text(value)?),
            Self::ProjectId => parse_project_id(value),
            Self::JobId => parse_job_id(value),
            Self::Versions => parse_versions(value, is_text),
            Self::Choice(words) => parse_choice(text(value)?, words),
            Self::Statuses => parse_statuses(&list(value, is_text)?),
            Self::InfoLabels => parse_info_labels(&list(value, is_text)?),
            Self::Addresses => parse_addresses(&list(value, is_text)?),
            Self::LogFilter => parse_log_filter(text(value)?),
            Self::TelemetryPath => parse_telemetry_path(text(value)?),
            Self::RoutePrefix => parse_route_prefix(text(value)?),
        }
    }

    /// What the documentation says the key takes.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Duration { least, most } => {
                format!("duration, {} to {}", format_duration(least), format_duration(most))
            }
            Self::Bytes { least, most } => {
                format!("size, {} to {}", format_bytes(least), format_bytes(most))
            }
            Self::Integer { least, most } => format!("number, {least} to {most}"),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Text { longest } => format!("text, at most {longest} characters"),
            Self::Secret => "text, never shown".to_owned(),
            Self::Path => "path of a file".to_owned(),
            Self::NamePattern => "regular expression".to_owned(),
            Self::NameRule => "regular expression with a capture group".to_owned(),
            Self::Url => "`http` or `https` URL".to_owned(),
            Self::ProxyUrl => "`http` or `https` URL, its user part is never shown".to_owned(),
            Self::ProjectId => "text".to_owned(),
            Self::JobId => "number or text".to_owned(),
            Self::Versions => "`\"latest\"`, `\"all\"` or a list".to_owned(),
            Self::Choice(words) => either(words, "`"),
            Self::Statuses | Self::InfoLabels => "list of texts".to_owned(),
            Self::Addresses => "list of addresses".to_owned(),
            Self::LogFilter => "level or directives".to_owned(),
            Self::TelemetryPath | Self::RoutePrefix => "path of a URL".to_owned(),
        }
    }
}

fn wrong_type(value: &Value, wanted: &str, remedy: &str) -> Refusal {
    let found = match value {
        Value::String(..) | Value::Char(..) => "a text",
        Value::Bool(..) => "true or false",
        Value::Num(..) if whole_number(value).is_none() => "a number with a point",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    };
    Refusal::new(format!("expected {wanted}, found {found}"), remedy)
}

fn text(value: &Value) -> Result<&str, Refusal> {
    value.as_str().ok_or_else(|| wrong_type(value, "a text", "put the value in quotes"))
}

/// A list of texts; text is separated by commas.
pub(super) fn list(value: &Value, is_text: bool) -> Result<Vec<String>, Refusal> {
    match (value, value.as_str()) {
        (_, Some(text)) if is_text => Ok(split_commas(text).map(str::to_owned).collect()),
        (Value::Array(_, items), _) => {
            items.iter().map(|item| text(item).map(str::to_owned)).collect()
        }
        _ => Err(wrong_type(value, "a list", "write it in square brackets")),
    }
}

fn split_commas(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn parse_span(value: &Value, least: Duration, most: Duration) -> Parsed {
    const REMEDY: &str = "write a number and a unit, such as \"30s\", \"5m\" or \"30d\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a duration", REMEDY))?;
    let duration = parse_duration(text).ok_or_else(|| Refusal::new("is not a duration", REMEDY))?;
    if duration < least || duration > most {
        let range =
            format!("is not between {} and {}", format_duration(least), format_duration(most));
        return Err(Refusal::new(range, ""));
    }
    Ok(Typed::Duration(duration))
}

fn parse_size(value: &Value, least: u64, most: u64) -> Parsed {
    const REMEDY: &str = "write a number and a unit, such as \"16MiB\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a size", REMEDY))?;
    let bytes = parse_bytes(text).ok_or_else(|| Refusal::new("is not a size", REMEDY))?;
    if !(least..=most).contains(&bytes) {
        let range = format!("is not between {} and {}", format_bytes(least), format_bytes(most));
        return Err(Refusal::new(range, ""));
    }
    Ok(Typed::Integer(bytes))
}

fn parse_integer(value: &Value, is_text: bool, least: u64, most: u64) -> Parsed {
    let number = match value.as_str().filter(|_| is_text) {
        // More digits than i128 has are out of every range.
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().unwrap_or(i128::MAX)
        }
        Some(_) => return Err(Refusal::new("is not a whole number", "")),
        None => whole_number(value).ok_or_else(|| {
            let remedy = if value.as_str().is_some() { "write it without quotes" } else { "" };
            wrong_type(value, "a whole number", remedy)
        })?,
    };
    match u64::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Ok(Typed::Integer(number)),
        _ => Err(Refusal::new(format!("is not between {least} and {most}"), "")),
    }
}

/// Figment keeps the width the parser chose; every integer fits here.
pub(super) fn whole_number(value: &Value) -> Option<i128> {
    value.to_i128().or_else(|| value.to_u128().and_then(|number| number.try_into().ok()))
}

fn parse_bool(value: &Value, is_text: bool) -> Parsed {
    let found = match value.as_str().filter(|_| is_text) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Refusal::new("is neither true nor false", "")),
        None => value.to_bool(),
    };
    let remedy = if value.as_str().is_some() { "write it without quotes" } else { "" };
    found.map(Typed::Bool).ok_or_else(|| wrong_type(value, "true or false", remedy))
}

fn parse_text(text: &str, longest: usize) -> Result<&str, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("is empty", ""));
    }
    if text.chars().count() > longest {
        return Err(Refusal::new(format!("is longer than {longest} characters"), ""));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::new("contains a control character", ""));
    }
    Ok(text)
}

fn parse_name_pattern(text: &str) -> Parsed {
    let pattern = NamePattern::new(text).map(Typed::NamePattern);
    pattern.map_err(|error| Refusal::new(error.to_string(), ""))
}

fn parse_name_rule(text: &str) -> Parsed {
    NameRule::new(text).map(Typed::NameRule).map_err(|error| {
        let remedy = match error {
            NameRuleError::NoCapture => {
                r"put the part that all runs share in parentheses, such as '^(.*?)-\d{8,}$'"
            }
            NameRuleError::Pattern(_) => "",
        };
        Refusal::new(error.to_string(), remedy)
    })
}

fn parse_id(text: &str) -> Result<String, Refusal> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() {
        Err(Refusal::new("is empty", ""))
    } else if text.len() > LONGEST_ID || !text.chars().all(is_plain) {
        // Ids become part of a URL's path.
        let reason = format!("is not an id: up to {LONGEST_ID} letters, digits, `-` and `_`");
        Err(Refusal::new(reason, ""))
    } else {
        Ok(text.to_owned())
    }
}

fn parse_project_id(value: &Value) -> Parsed {
    match value {
        Value::Num(..) => Err(Refusal::new(
            "expected a text, found a number",
            "put the id in quotes, or its leading zeros are lost",
        )),
        value => parse_id(text(value)?).map(Typed::Text),
    }
}

fn parse_job_id(value: &Value) -> Parsed {
    id_text(value).map(Typed::Text)
}

/// A number or a text.
fn id_text(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::Num(..) => whole_number(value)
            .filter(|number| *number >= 0)
            .map(|number| number.to_string())
            .ok_or_else(|| Refusal::new("is not an id: a number of at least 0, or a text", "")),
        value => value
            .as_str()
            .ok_or_else(|| wrong_type(value, "a number or a text", ""))
            .and_then(parse_id),
    }
}

fn parse_versions(value: &Value, is_text: bool) -> Parsed {
    const WORDS: &str = "write \"latest\", \"all\" or a list such as [278813, \"V0003\"]";
    let listed = match (value, value.as_str()) {
        (_, Some("latest")) => return Ok(Typed::Versions(VersionSelection::Latest)),
        (_, Some("all")) => return Ok(Typed::Versions(VersionSelection::All)),
        (_, Some(text)) if is_text => split_commas(text).map(str::to_owned).collect(),
        (Value::Array(_, items), _) => {
            items.iter().map(version_text).collect::<Result<Vec<_>, _>>()?
        }
        (_, Some(_)) => {
            return Err(Refusal::new("is neither \"latest\" nor \"all\"", WORDS));
        }
        _ => return Err(wrong_type(value, "a text or a list", WORDS)),
    };
    if listed.is_empty() {
        return Err(Refusal::new("is an empty list", WORDS));
    }
    // The same version twice would be the same series twice.
    let mut seen = HashSet::new();
    let listed = listed.into_iter().filter(|version| seen.insert(version.clone())).collect();
    Ok(Typed::Versions(VersionSelection::Listed(listed)))
}

/// The id of a version, or its name, which the user of the cloud chose.
fn version_text(value: &Value) -> Result<String, Refusal> {
    match value.as_str() {
        Some(text) => parse_text(text, LONGEST_ID).map(str::to_owned),
        None => id_text(value),
    }
}

fn either(words: &[&str], quote: &str) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("{quote}{word}{quote}")).collect();
    words.join(" or ")
}

fn parse_choice(text: &str, words: &[&'static str]) -> Parsed {
    if words.contains(&text) {
        return Ok(Typed::Text(text.to_owned()));
    }
    let remedy = format!("use {}", either(words, "\""));
    Err(Refusal::new("is not a word this key knows", remedy))
}

fn parse_statuses(words: &[String]) -> Parsed {
    let mut statuses = chosen(words, &Status::ALL, Status::as_str, "status")?;
    let mut seen = HashSet::new();
    statuses.retain(|status| seen.insert(*status));
    Ok(Typed::Statuses(statuses))
}

/// What each word names, of a closed set.
fn chosen<T: Copy>(
    words: &[String],
    all: &[T],
    word_of: fn(T) -> &'static str,
    what: &str,
) -> Result<Vec<T>, Refusal> {
    let find = |word: &String| all.iter().copied().find(|one| word_of(*one) == word);
    words.iter().map(find).collect::<Option<_>>().ok_or_else(|| {
        let known: Vec<_> = all.iter().copied().map(word_of).collect();
        Refusal::new(
            format!("names an unknown {what}"),
            format!("choose from {}", known.join(", ")),
        )
    })
}

fn parse_info_labels(words: &[String]) -> Parsed {
    let mut labels = chosen(words, &InfoLabel::ALL, InfoLabel::as_str, "label")?;
    labels.sort_unstable();
    labels.dedup();
    Ok(Typed::InfoLabels(labels))
}

fn parse_log_filter(text: &str) -> Parsed {
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text));
    let is_directives = text.contains('=') && EnvFilter::try_new(text).is_ok();
    if is_level || is_directives {
        Ok(Typed::Text(text.to_owned()))
    } else {
        Err(Refusal::new(
            "is neither a level nor a list of directives",
            format!("use one of {}", LEVELS.join(", ")),
        ))
    }
}
