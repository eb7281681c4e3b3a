use std::borrow::Cow;

use crate::cloud::wire::{Lenient, Scalar};
use crate::cloud::{Fault, Misread};

/// Collects what could not be taken, and turns wire values into numbers and text on the way.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) misreads: Vec<Misread>,
    pub(crate) limits: Limits,
}

/// Misreads of one answer that are counted: a swapped type in a year of minutes is half a million, and
/// whoever looks at the counter has long seen enough.
const MOST_MISREADS: usize = 10_000;

/// Bytes of an id; a uuid has 36.
const LONGEST_ID: usize = 128;

/// How much of one version's free-form parts is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Characters of a label value.
    pub(crate) label_length: usize,
    /// Classes.
    pub(crate) classes: usize,
    /// Keys beyond the known four of one version's scores.
    pub(crate) extra_metrics: usize,
    /// Tasks.
    pub(crate) tasks: usize,
    /// Points of a curve.
    pub(crate) curve_points: usize,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { misreads: Vec::new(), limits }
    }

    pub(crate) fn misread(&mut self, field: &'static str, fault: Fault) {
        if self.misreads.len() < MOST_MISREADS {
            self.misreads.push(Misread { field, fault });
        }
    }

    /// A finite number; null, nothing and "" are expected absence.
    pub(crate) fn number(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        match value.number() {
            Ok(number) => number,
            Err(fault) => {
                self.misread(field, fault);
                None
            }
        }
    }

    /// What was made of finite numbers, which can be too large together.
    pub(crate) fn finite(&mut self, field: &'static str, number: f64) -> Option<f64> {
        if !number.is_finite() {
            self.misread(field, Fault::NotFinite);
            return None;
        }
        Some(number)
    }

    /// A number that cannot be negative.
    pub(crate) fn amount(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        let number = self.number(field, value)?;
        if number < 0.0 {
            self.misread(field, Fault::OutOfRange);
            return None;
        }
        Some(number)
    }

    /// A time or a length of time, which is milliseconds on the wire.
    pub(crate) fn seconds(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        self.amount(field, value).map(|milliseconds| milliseconds / 1000.0)
    }

    /// How many of something there are; what is no count is nothing.
    pub(crate) fn count(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<usize> {
        match value.integer() {
            Ok(count) => count.and_then(|count| usize::try_from(count).ok()),
            Err(fault) => {
                self.misread(field, fault);
                None
            }
        }
    }

    /// Memory in a unit of its own, as bytes; the cloud counts in powers of two.
    pub(crate) fn bytes(
        &mut self,
        unit_field: &'static str,
        unit: &Scalar<'_>,
        size: Option<f64>,
    ) -> Option<f64> {
        let unit = self.label(unit_field, unit);
        let bytes = bytes_per(&unit);
        if size.is_some() && bytes.is_none() {
            self.misread(unit_field, Fault::OutOfRange);
        }
        size.zip(bytes).and_then(|(size, bytes)| self.finite(unit_field, size * bytes))
    }

    /// Text for a label; numbers are written out. Empty where there is none.
    pub(crate) fn label(&mut self, field: &'static str, value: &Scalar<'_>) -> String {
        match value.text() {
            Ok(text) => self.cut(field, text.unwrap_or_default()),
            Err(fault) => {
                self.misread(field, fault);
                String::new()
            }
        }
    }

    /// An id to ask with, which has to be whole: without one, or with one that is longer than any, its
    /// surroundings mean nothing.
    pub(crate) fn id(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<String> {
        let id = value.text().and_then(|text| text.ok_or(Fault::Missing));
        match id {
            Ok(id) if id.len() <= LONGEST_ID => return Some(id.into_owned()),
            Ok(_) => self.misread(field, Fault::TooLong),
            Err(fault) => self.misread(field, fault),
        }
        None
    }

    /// Text cut to the length of a label value.
    pub(crate) fn cut(&mut self, field: &'static str, text: Cow<'_, str>) -> String {
        // Bytes bound characters from above: most values need no counting.
        if text.len() > self.limits.label_length
            && let Some((end, _)) = text.char_indices().nth(self.limits.label_length)
        {
            self.misread(field, Fault::TooLong);
            return text[..end].to_owned();
        }
        text.into_owned()
    }

    /// The object of a field, if it could be taken.
    pub(crate) fn object<T>(&mut self, field: &'static str, value: Lenient<T>) -> Option<T> {
        match value {
            Lenient::Absent => None,
            Lenient::Taken(value) => Some(value),
            Lenient::Wrong(fault) => {
                self.misread(field, fault);
                None
            }
        }
    }
}

/// Bytes in one unit of memory; gigabytes, where none is named.
fn bytes_per(unit: &str) -> Option<f64> {
    let exponent = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" | "G" => 30,
        "T" => 40,
        "M" => 20,
        "K" => 10,
        _ => return None,
    };
    Some(2_f64.powi(exponent))
}
