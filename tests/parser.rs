//! A strict reader of both text formats, written from their specifications and not from our writer.

use std::collections::{BTreeMap, BTreeSet};

/// One family as read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line as read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    /// It says yes.
    pub(crate) fn is_one(&self) -> bool {
        (0.5..1.5).contains(&self.value)
    }

    /// The value of a label, empty where there is none.
    pub(crate) fn label(&self, name: &str) -> &str {
        let label = self.labels.iter().find(|(label, _)| label == name);
        label.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Reads text 0.0.4, or `OpenMetrics` where `openmetrics` is set. Any irregularity is an error.
pub(crate) fn parse(text: &str, openmetrics: bool) -> Result<Vec<Family>, String> {
    let body = match (openmetrics, text.strip_suffix("# EOF\n")) {
        (true, Some(body)) => body,
        (true, None) => return Err("no # EOF at the end".into()),
        (false, _) => text,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".into());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut names = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in body.split_terminator('\n') {
        let fail = |reason: &str| Err(format!("{reason}: {line:?}"));
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(keyword), Some(name), Some(text)) =
                (words.next(), words.next(), words.next())
            else {
                return fail("a header has three parts");
            };
            if families.last().is_none_or(|family| family.name != name) {
                if !names.insert(name.to_owned()) {
                    return fail("the family was there before");
                }
                families.push(Family { name: name.to_owned(), ..Family::default() });
            }
            let family = families.last_mut().ok_or("no family")?;
            if !family.samples.is_empty() {
                return fail("a header after samples");
            }
            match keyword {
                "HELP" => drop(unescape(text, openmetrics)?),
                "TYPE" if family.kind.is_empty() => text.clone_into(&mut family.kind),
                "UNIT" if openmetrics && name.ends_with(&format!("_{text}")) => {
                    family.unit = Some(text.to_owned());
                }
                _ => return fail("an unexpected header"),
            }
            continue;
        }
        let sample = sample(line)?;
        let Some(family) = families.last_mut() else { return fail("a sample without a header") };
        let Some(suffix) = sample.name.strip_prefix(family.name.as_str()) else {
            return fail("a sample of another family");
        };
        let allowed: &[&str] = match (family.kind.as_str(), openmetrics) {
            ("gauge", _) | ("counter", false) => &[""],
            ("counter", true) => &["_total"],
            ("info", true) => &["_info"],
            ("histogram", _) => &["_bucket", "_sum", "_count"],
            _ => return fail("an unknown type"),
        };
        if !allowed.contains(&suffix) {
            return fail("a suffix its type does not have");
        }
        let labels: BTreeMap<_, _> = sample.labels.iter().cloned().collect();
        if labels.len() != sample.labels.len() {
            return fail("a label twice");
        }
        if !series.insert((sample.name.clone(), labels)) {
            return fail("a series twice");
        }
        family.samples.push(sample);
    }
    match families.iter().find(|family| family.samples.is_empty() || family.kind.is_empty()) {
        Some(family) => Err(format!("{} has no samples or no type", family.name)),
        None => Ok(families),
    }
}

/// Reads one line.
pub(crate) fn sample(line: &str) -> Result<Sample, String> {
    let name_end = line.find(['{', ' ']).ok_or("a line without a value")?;
    let (name, mut rest) = line.split_at(name_end);
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(format!("not a name: {name:?}"));
    }
    let mut labels = Vec::new();
    while let Some(open) = rest.strip_prefix(if labels.is_empty() { '{' } else { ',' }) {
        let (label, value) = open.split_once("=\"").ok_or("a label without a value")?;
        let mut escaped = false;
        let end = value
            .find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })
            .ok_or("a quote is not closed")?;
        labels.push((label.to_owned(), unescape(&value[..end], true)?));
        rest = &value[end + 1..];
    }
    if !labels.is_empty() {
        rest = rest.strip_prefix('}').ok_or("a brace is not closed")?;
    }
    let number = rest.strip_prefix(' ').ok_or("no value")?;
    let value = match number {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        digits if digits.bytes().all(|b| b"0123456789+-.e".contains(&b)) => {
            digits.parse().map_err(|_| format!("not a number: {digits:?}"))?
        }
        other => return Err(format!("not a number: {other:?}")),
    };
    Ok(Sample { name: name.to_owned(), labels, value })
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, quotes) {
            ('\\', _) => match chars.next() {
                Some('\\') => out.push('\\'),
                Some('n') => out.push('\n'),
                Some('"') if quotes => out.push('"'),
                other => return Err(format!("a wrong escape: {other:?}")),
            },
            ('"', true) => return Err("a bare quote".into()),
            (char, _) => out.push(char),
        }
    }
    Ok(out)
}

#[test]
fn the_reader_refuses_what_it_should() {
    let head = "# HELP a A\n# TYPE a gauge\n";
    assert!(parse(&format!("{head}a 1\n"), false).is_ok());
    for bad in ["a 1", "a 1\na 2\n", "b 1\n", "a x\n", "a inf\n", "a{x=\"\\t\"} 1\n", "a{x=\"\n"] {
        assert!(parse(&format!("{head}{bad}"), false).is_err(), "{bad:?}");
    }
    assert!(parse(&format!("{head}a 1\n"), true).is_err());
}
