use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};

use crate::metrics::{Family, FamilyIndex, Sink};

use super::line::{write_series, write_value};

/// Room that a text gets at first: a job with one version and five classes has 9 KB, to which it would
/// else grow in eleven steps.
const USUAL_BYTES: usize = 10 << 10;

/// The sample lines of one job, family by family.
///
/// A [`Sink`]: samples must come in the order of the families. A second sample with the same labels
/// would make a server refuse the whole scrape, so it is refused here and counted.
#[derive(Debug)]
pub struct JobText {
    families: &'static [Family],
    text: Vec<u8>,
    /// Families with at least one line, ascending, and where in `text` each one's lines end.
    parts: Vec<(FamilyIndex, usize)>,
    /// Hashes of the label sets of the family at the end of `parts`, from its second line on.
    seen: HashSet<u64>,
    series: usize,
    refused: usize,
}

impl JobText {
    /// No lines yet.
    pub fn new(families: &'static [Family]) -> Self {
        Self {
            families,
            text: Vec::with_capacity(USUAL_BYTES),
            parts: Vec::new(),
            seen: HashSet::new(),
            series: 0,
            refused: 0,
        }
    }

    /// Lines held.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Samples refused: their labels were there already, or their family came too late.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// The lines of one family; empty where it has none.
    pub fn lines(&self, family: FamilyIndex) -> &[u8] {
        match self.parts.binary_search_by_key(&family, |part| part.0) {
            Ok(at) => &self.text[self.start(at)..self.parts[at].1],
            Err(_) => &[],
        }
    }

    /// Where the lines of the part at this place begin.
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.parts[before].1)
    }

    /// Makes `family` the last part. False where a later one has begun.
    fn enter(&mut self, family: FamilyIndex) -> bool {
        match self.parts.last() {
            Some(&(last, _)) if last == family => true,
            Some(&(last, _)) if last > family => false,
            _ => {
                self.parts.push((family, self.text.len()));
                self.seen.clear();
                true
            }
        }
    }

    /// Whether the series at the end of `text`, from `begin` on, has a line in its family already.
    fn is_repeated(&mut self, begin: usize) -> bool {
        let (lines, series) = (self.start(self.parts.len() - 1)..begin, &self.text[begin..]);
        if lines.is_empty() {
            // Most families have one line a job, which nobody has to remember.
            return false;
        }
        if self.seen.is_empty() {
            self.seen.insert(hash(series_of(&self.text[lines.clone()])));
        }
        if self.seen.insert(hash(series)) {
            return false;
        }
        // Equal hashes are almost always equal series; the lines themselves say for certain.
        self.text[lines]
            .split(|byte| *byte == b'\n')
            .any(|line| line.strip_prefix(series).is_some_and(|rest| rest.first() == Some(&b' ')))
    }
}

fn hash(series: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(series);
    hasher.finish()
}

/// A line without its value, which holds no space.
fn series_of(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte == b' ');
    &line[..end.unwrap_or(line.len())]
}

impl Sink for JobText {
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], value: f64) {
        let in_order = self.enter(family);
        debug_assert!(in_order, "{} came after a later family", self.families[family].name);
        let begin = self.text.len();
        if in_order {
            write_series(&mut self.text, self.families[family].name, "", labels.iter().copied());
        }
        if !in_order || self.is_repeated(begin) {
            self.text.truncate(begin);
            self.refused += 1;
            return;
        }
        write_value(&mut self.text, value);
        self.series += 1;
        if let Some(part) = self.parts.last_mut() {
            part.1 = self.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    const FAMILIES: &[Family] = &[
        Family { name: "a", kind: Kind::Gauge, help: "A", labels: &["x", "y"] },
        Family { name: "b", kind: Kind::Gauge, help: "B", labels: &[] },
        Family { name: "c", kind: Kind::Gauge, help: "C", labels: &["x"] },
    ];

    #[test]
    fn lines_stand_family_by_family() {
        let mut job = JobText::new(FAMILIES);
        job.sample(0, &[("x", "1"), ("y", "q\"\\\n")], 0.5);
        job.sample(0, &[("x", "2"), ("y", "")], f64::NAN);
        job.sample(2, &[("x", "1")], 3.0);
        assert_eq!(job.lines(0), b"a{x=\"1\",y=\"q\\\"\\\\\\n\"} 0.5\na{x=\"2\",y=\"\"} NaN\n");
        assert_eq!(job.lines(1), b"");
        assert_eq!(job.lines(2), b"c{x=\"1\"} 3\n");
        assert_eq!((job.series(), job.refused()), (3, 0));
    }

    #[test]
    fn a_second_sample_of_the_same_labels_is_refused_and_the_first_stays() {
        let mut job = JobText::new(FAMILIES);
        job.sample(0, &[("x", "1"), ("y", "1")], 1.0);
        job.sample(0, &[("x", "1"), ("y", "2")], 2.0);
        job.sample(0, &[("x", "1"), ("y", "1")], 3.0);
        job.sample(1, &[], 4.0);
        job.sample(1, &[], 5.0);
        // The same labels in another family are another series.
        job.sample(2, &[("x", "1")], 6.0);
        assert_eq!((job.series(), job.refused()), (4, 2));
        assert_eq!(job.lines(0), b"a{x=\"1\",y=\"1\"} 1\na{x=\"1\",y=\"2\"} 2\n");
        assert_eq!(job.lines(1), b"b 4\n");
    }

    #[test]
    fn labels_that_differ_only_in_where_a_quote_stands_are_two_series() {
        let mut job = JobText::new(FAMILIES);
        job.sample(0, &[("x", "\",y=\""), ("y", "")], 1.0);
        job.sample(0, &[("x", ""), ("y", "\",y=\"")], 1.0);
        assert_eq!((job.series(), job.refused()), (2, 0));
    }
}
