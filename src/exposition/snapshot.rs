use std::sync::Arc;

use crate::metrics::{Family, FamilyIndex};

use super::dialect::{Dialect, write_header};
use super::group::{Block, Group};
use super::piece::Piece;

/// What the cloud's families look like at one moment. Never changes; shares every group that did not
/// change with the snapshot before it, and every block that did not change with the group before.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Counts the publications.
    number: u64,
    families: &'static [Family],
    headers: Arc<Headers>,
    groups: Vec<Arc<Group>>,
    series: usize,
}

/// Of each dialect, of each family.
type Headers = [Vec<Arc<Piece>>; Dialect::ALL.len()];

impl Snapshot {
    /// No job is known.
    pub(super) fn empty(families: &'static [Family]) -> Self {
        let headers = Dialect::ALL.map(|dialect| {
            let header = |family| {
                let mut out = Vec::new();
                write_header(&mut out, dialect, family);
                Arc::new(Piece::from(out))
            };
            families.iter().map(header).collect()
        });
        Self { number: 0, families, headers: Arc::new(headers), groups: Vec::new(), series: 0 }
    }

    /// The next one, of these groups.
    pub(super) fn with(&self, groups: Vec<Arc<Group>>) -> Self {
        let series = groups.iter().map(|group| group.sums().series).sum();
        let (number, headers) = (self.number + 1, Arc::clone(&self.headers));
        Self { number, families: self.families, headers, groups, series }
    }

    /// Its place in the order of publications.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Series held.
    pub(super) fn series(&self) -> usize {
        self.series
    }

    /// Bytes as sent in text 0.0.4.
    pub(super) fn size(&self) -> u64 {
        let lines: u64 = self.groups.iter().map(|group| group.size()).sum();
        let shown = (0..self.families.len()).filter(|it| self.blocks(*it, None).next().is_some());
        let headers: u64 = shown.map(|family| self.header(Dialect::Text, family).len()).sum();
        lines + headers
    }

    /// The families, in the order of an answer.
    pub(super) fn families(&self) -> &'static [Family] {
        self.families
    }

    /// All groups, in the order of their jobs.
    pub(super) fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// What stands before a family's lines.
    pub(super) fn header(&self, dialect: Dialect, family: FamilyIndex) -> &Arc<Piece> {
        &self.headers[dialect as usize][family]
    }

    /// The lines of a family; of one project or of all.
    pub(super) fn blocks(
        &self,
        family: FamilyIndex,
        project: Option<&str>,
    ) -> impl Iterator<Item = &Block> {
        self.groups
            .iter()
            .filter(move |group| project.is_none_or(|project| **group.project() == *project))
            .filter_map(move |group| group.block(family))
    }
}
