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

/// How much of one version's free-form parts is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Characters of a label value.
    pub(crate) label_length: usize,
    /// Classes.
    pub(crate) classes: usize,
    /// Keys beyond the known four of one version's scores.
    pub(crate) extra_metrics: usize,
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

    /// A number that cannot be negative.
    pub(crate) fn amount(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        let number = self.number(field, value)?;
        if number < 0.0 {
            self.misread(field, Fault::OutOfRange);
            return None;
        }
        Some(number)
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
