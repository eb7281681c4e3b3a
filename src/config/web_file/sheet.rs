use std::collections::BTreeSet;

use figment::value::{Dict, Value};

use super::keys::{self, SECTIONS};
use crate::config::kind::{Kind, Parsed, Typed, list, whole_number};
use crate::config::layers::Origin;
use crate::config::mistake::{Refusal, Report};
use crate::config::values::most_like;
pub(super) use crate::config::values::shown;

/// The web configuration file as it was typed, read key by key. What is wrong goes into the report.
///
/// A key without a value, and an empty text, are as good as no key: so the toolkit reads them.
pub(super) struct Sheet<'a> {
    tree: &'a Dict,
    origin: &'a Origin,
    report: &'a mut Report,
    refused: BTreeSet<String>,
}

impl<'a> Sheet<'a> {
    /// Refuses keys that there are not.
    pub(super) fn new(tree: &'a Dict, origin: &'a Origin, report: &'a mut Report) -> Self {
        let mut sheet = Self { tree, origin, report, refused: BTreeSet::new() };
        for (name, value) in tree {
            if !SECTIONS.contains(&name.as_str()) {
                sheet.refuse_unknown(&shown(name), name, &SECTIONS);
                continue;
            }
            match value {
                Value::Dict(_, inner) => sheet.check_names(name, inner),
                Value::Empty(..) => {}
                _ => sheet.refuse(name, Refusal::new("is not a table of keys", "")),
            }
        }
        sheet
    }

    fn check_names(&mut self, section: &str, tree: &Dict) {
        let known = keys::names_in(section);
        // A table of names that the operator gives.
        if known.is_empty() {
            return;
        }
        for name in tree.keys().filter(|name| !known.contains(&name.as_str())) {
            self.refuse_unknown(&format!("{section}.{}", shown(name)), name, &known);
        }
    }

    fn refuse_unknown(&mut self, key: &str, name: &str, known: &[&str]) {
        let remedy = most_like(name, known.iter().copied())
            .map_or_else(String::new, |known| format!("did you mean `{known}`?"));
        self.refuse(key, Refusal::new("is not a key of the web configuration", remedy));
    }

    pub(super) fn refuse(&mut self, key: &str, refusal: Refusal) {
        self.refused.insert(key.to_owned());
        self.report.refuse(self.origin, key, refusal);
    }

    pub(super) fn warn(&mut self, key: &str, reason: &str) {
        self.report.warn(format!("{} {key}", self.origin.place), reason);
    }

    /// Whether something was found wrong with that key.
    pub(super) fn is_refused(&self, key: &str) -> bool {
        self.refused.contains(key)
    }

    /// Whether the key says anything, right or wrong.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        let mut steps = key.split('.');
        let mut value = self.tree.get(steps.next()?)?;
        for step in steps {
            value = value.as_dict()?.get(step)?;
        }
        match value {
            Value::Empty(..) => None,
            Value::String(_, text) if text.is_empty() => None,
            Value::Dict(_, tree) if tree.is_empty() => None,
            value => Some(value),
        }
    }

    pub(super) fn parse(&mut self, key: &str, kind: Kind) -> Option<Typed> {
        let parsed = kind.parse(self.value(key)?, false);
        self.take(key, parsed)
    }

    /// The same, where the toolkit takes a bare 0 for a text such as `0s`.
    pub(super) fn parse_or_zero(&mut self, key: &str, kind: Kind) -> Option<Typed> {
        match whole_number(self.value(key)?) {
            Some(0) => None,
            _ => self.parse(key, kind),
        }
    }

    pub(super) fn bool(&mut self, key: &str) -> Option<bool> {
        match self.parse(key, Kind::Bool)? {
            Typed::Bool(on) => Some(on),
            _ => None,
        }
    }

    pub(super) fn integer(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        match self.parse(key, Kind::Integer { least, most })? {
            Typed::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let parsed = as_text(self.value(key)?).map(Typed::Text);
        match self.take(key, parsed)? {
            Typed::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        list(value, false).unwrap_or_else(|refusal| {
            self.refuse(key, refusal);
            Vec::new()
        })
    }

    /// A table of texts under names that the operator gives.
    pub(super) fn texts(&mut self, section: &str) -> Vec<(String, String)> {
        let tree = match self.value(section) {
            None => return Vec::new(),
            Some(Value::Dict(_, tree)) => tree,
            Some(_) => {
                // At the outermost level it was refused on the way in.
                if !self.is_refused(section) {
                    self.refuse(section, Refusal::new("is not a table of keys", ""));
                }
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for (name, value) in tree {
            match as_text(value) {
                Ok(text) => texts.push((name.clone(), text)),
                Err(refusal) => self.refuse(&format!("{section}.{}", shown(name)), refusal),
            }
        }
        texts
    }

    fn take(&mut self, key: &str, parsed: Parsed) -> Option<Typed> {
        parsed.map_err(|refusal| self.refuse(key, refusal)).ok()
    }
}

/// A text; a number stands for its digits, as in `X-XSS-Protection: 1`.
fn as_text(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(_, text) => Ok(text.clone()),
        Value::Empty(..) => Ok(String::new()),
        value => match whole_number(value) {
            Some(number) => Ok(number.to_string()),
            None => Err(Refusal::new("expected a text", "put the value in quotes")),
        },
    }
}
