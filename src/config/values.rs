//! The merged tree, checked against the table: every key known, every value of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::value::{Dict, Value};
use secrecy::SecretString;
use url::Url;

use super::document::header;
use super::keys::{self, Initial, Key};
use super::kind::Typed;
use super::layers::{Origin, join, resolve};
use super::mistake::{Refusal, Report};
use crate::metrics::InfoLabel;
use crate::model::{NamePattern, NameRule, Status, VersionSelection};
use crate::server::ListenAddress;

/// Names longer than this are cut in messages; nobody mistypes a key that long.
const LONGEST_SHOWN_NAME: usize = 40;
/// How alike two names must be, of 1, for one to be suggested in place of the other.
const ALIKE: f64 = 0.8;

/// Every value that was given and is good, and the default of every other.
#[derive(Default)]
pub(super) struct Values {
    given: BTreeMap<String, (Typed, Origin)>,
    defaults: BTreeMap<String, Typed>,
    /// Given, and refused: reported already, so nobody asks for it as missing.
    refused: BTreeSet<String>,
    /// How many tables each list of tables has.
    lengths: BTreeMap<String, usize>,
}

/// Checks the merged layers; what is wrong goes into the report.
pub(super) fn check(figment: &Figment, report: &mut Report) -> Values {
    let mut walk = Walk { figment, report, values: Values::default() };
    // An empty figment has no tree at all, which is an empty tree.
    if let Ok(Value::Dict(_, tree)) = figment.find_value("") {
        walk.section(&tree, "", "");
    }
    let mut values = walk.values;
    values.fill_defaults();
    values
}

struct Walk<'a> {
    figment: &'a Figment,
    report: &'a mut Report,
    values: Values,
}

impl Walk<'_> {
    /// `path` is where we are, `pattern` the same without indexes.
    fn section(&mut self, tree: &Dict, path: &str, pattern: &str) {
        for (name, value) in tree {
            let inner_path = join(path, &shown(name));
            let inner_pattern = join(pattern, name);
            // A dot inside a quoted name must not pass for a path.
            let is_plain = !name.contains(['.', '[', ']']);
            if let Some(key) = keys::find(&inner_pattern).filter(|_| is_plain) {
                self.leaf(key, value, &inner_path);
            } else if is_plain && keys::is_section(&inner_pattern) {
                match value {
                    Value::Dict(_, tree) => self.section(tree, &inner_path, &inner_pattern),
                    other => {
                        let remedy = format!("write {}", header(&inner_pattern));
                        self.refuse(
                            other,
                            &inner_path,
                            Refusal::new("is not a table of keys", remedy),
                        );
                    }
                }
            } else if is_plain && keys::is_table_list(&inner_pattern) {
                self.table_list(value, &inner_path, &inner_pattern);
            } else {
                let remedy = if is_plain { suggest(name, pattern) } else { String::new() };
                self.refuse(
                    value,
                    &inner_path,
                    Refusal::new("is not a key of the configuration", remedy),
                );
            }
        }
    }

    fn table_list(&mut self, value: &Value, path: &str, pattern: &str) {
        let not_a_list = || {
            let remedy = format!("write {}", header(&format!("{pattern}[]")));
            Refusal::new("is not a list of tables", remedy)
        };
        let Value::Dict(_, numbered) = value else {
            return self.refuse(value, path, not_a_list());
        };
        let mut tables = BTreeMap::new();
        for (index, table) in numbered {
            let Ok(number) = index.parse::<usize>() else {
                return self.refuse(table, path, not_a_list());
            };
            tables.insert(number, table);
        }
        let mut length = 0;
        for (index, table) in tables {
            let path = format!("{path}[{index}]");
            match table {
                _ if index != length => {
                    let remedy = "count from 0 without a gap";
                    self.refuse(table, &path, Refusal::new("follows a gap in the numbers", remedy));
                }
                Value::Dict(_, tree) => {
                    length += 1;
                    self.section(tree, &path, &format!("{pattern}[]"));
                }
                other => {
                    length += 1;
                    self.refuse(other, &path, Refusal::new("is not a table of keys", ""));
                }
            }
        }
        self.values.lengths.insert(path.to_owned(), length);
    }

    fn leaf(&mut self, key: &Key, value: &Value, path: &str) {
        let origin = Origin::of(value, self.figment);
        match key.kind.parse(value, origin.is_text) {
            Ok(typed) => {
                self.values.given.insert(path.to_owned(), (typed, origin));
            }
            Err(refusal) => self.refuse(value, path, refusal),
        }
    }

    fn refuse(&mut self, value: &Value, path: &str, refusal: Refusal) {
        // A table has no place of its own; what is in it has.
        let mut innermost = value;
        while let Value::Dict(_, tree) = innermost {
            let Some(inner) = tree.values().next() else { break };
            innermost = inner;
        }
        let origin = Origin::of(innermost, self.figment);
        self.values.refused.insert(path.to_owned());
        self.report.refuse(&origin, path, refusal);
    }
}

/// A key's name as it may stand in a message: names come from the file and may hold anything.
pub(super) fn shown(name: &str) -> String {
    let text: String = name.chars().take(LONGEST_SHOWN_NAME).collect();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.chars().all(is_bare) { text } else { format!("{text:?}") }
}

/// What an unknown name was probably meant to be.
fn suggest(name: &str, section: &str) -> String {
    if let Some(known) = most_like(name, keys::names_in(section)) {
        return format!("did you mean `{known}`?");
    }
    let elsewhere = keys::KEYS.iter().find_map(|key| {
        key.path.rsplit_once('.').filter(|(_, last)| *last == name).map(|(section, _)| section)
    });
    elsewhere.map(|section| format!("it belongs in {}", header(section))).unwrap_or_default()
}

/// The known name that a name was probably meant to be.
pub(super) fn most_like<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    known
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|known| likeness(known) >= ALIKE)
}

impl Initial {
    /// The default as the file would say it.
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::from(text)),
            Self::Number(number) => Some(Value::from(number)),
            Self::Bool(on) => Some(Value::from(on)),
            Self::List(items) => Some(Value::from(items.to_vec())),
            Self::Absent(_) | Self::Required(_) | Self::With { .. } => None,
        }
    }
}

impl Values {
    fn fill_defaults(&mut self) {
        for key in keys::KEYS {
            let Some(value) = key.initial.value() else { continue };
            for path in self.expand(key.path) {
                if let Ok(typed) = key.kind.parse(&value, false) {
                    self.defaults.insert(path, typed);
                }
            }
        }
    }

    /// The paths of a pattern: one for each table of each list.
    pub(super) fn expand(&self, pattern: &str) -> Vec<String> {
        match pattern.split_once("[]") {
            None => vec![pattern.to_owned()],
            Some((list, rest)) => (0..self.len(list))
                .flat_map(|index| self.expand(&format!("{list}[{index}]{rest}")))
                .collect(),
        }
    }

    /// How many tables there are in a list of tables.
    pub(super) fn len(&self, list: &str) -> usize {
        self.lengths.get(list).copied().unwrap_or(0)
    }

    /// Where a value came from; `None` for a default.
    pub(super) fn origin(&self, path: &str) -> Option<&Origin> {
        self.given.get(path).map(|(_, origin)| origin)
    }

    /// Whether somebody set the key, rightly or wrongly.
    pub(super) fn is_set(&self, path: &str) -> bool {
        self.given.contains_key(path) || self.refused.contains(path)
    }

    /// Whether the key was set to something that was refused, so that its default is only a stand-in.
    pub(super) fn is_refused(&self, path: &str) -> bool {
        self.refused.contains(path)
    }

    /// A value that was given, or the default.
    pub(super) fn get(&self, path: &str) -> Option<&Typed> {
        self.given.get(path).map(|(typed, _)| typed).or_else(|| self.defaults.get(path))
    }

    pub(super) fn secret(&self, path: &str) -> Option<&SecretString> {
        match self.get(path) {
            Some(Typed::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub(super) fn url(&self, path: &str) -> Option<&Url> {
        match self.get(path) {
            Some(Typed::Url(url)) => Some(url),
            _ => None,
        }
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.get(path) {
            Some(Typed::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A rule for names; without one, the whole name.
    pub(super) fn name_rule(&self, path: &str) -> NameRule {
        match self.get(path) {
            Some(Typed::NameRule(rule)) => rule.clone(),
            _ => NameRule::default(),
        }
    }

    pub(super) fn name_pattern(&self, path: &str) -> Option<&NamePattern> {
        match self.get(path) {
            Some(Typed::NamePattern(pattern)) => Some(pattern),
            _ => None,
        }
    }

    /// A path, made relative to where it was written.
    pub(super) fn path(&self, path: &str) -> Option<(PathBuf, &Origin)> {
        match self.given.get(path) {
            Some((Typed::Path(file), origin)) => Some((resolve(file, origin), origin)),
            _ => None,
        }
    }
}

/// Getters of keys that the table gives a default, so that there always is a value.
macro_rules! with_default {
    ($($name:ident: $variant:ident => $type:ty;)*) => {
        impl Values {
            $(pub(super) fn $name(&self, path: &str) -> $type {
                match self.get(path) {
                    Some(Typed::$variant(value)) => value.clone(),
                    _ => unreachable!("the table of keys has no such default for {path}"),
                }
            })*
        }
    };
}

with_default! {
    duration: Duration => Duration;
    integer: Integer => u64;
    bool: Bool => bool;
    word: Text => String;
    versions: Versions => VersionSelection;
    statuses: Statuses => Vec<Status>;
    info_labels: InfoLabels => Vec<InfoLabel>;
    addresses: Addresses => Vec<ListenAddress>;
}
