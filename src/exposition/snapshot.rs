use std::sync::Arc;

use bytes::Bytes;

use crate::metrics::{Family, FamilyIndex};

use super::dialect::{Dialect, write_header};

/// What the cloud's families look like at one moment. Never changes; shares every block and every
/// list of blocks with the snapshot before it that did not change.
#[derive(Debug)]
pub(super) struct Snapshot {
    table: &'static [Family],
    /// Of each dialect, of each family.
    headers: Arc<[Vec<Bytes>; Dialect::ALL.len()]>,
    lines: Vec<FamilyLines>,
    series: usize,
}

/// All lines of one family.
#[derive(Clone, Debug, Default)]
pub(super) struct FamilyLines {
    blocks: Arc<[Bytes]>,
    bytes: u64,
}

impl Snapshot {
    /// No job is known.
    pub(super) fn empty(families: &'static [Family]) -> Self {
        let headers = Dialect::ALL.map(|dialect| {
            let header = |family| {
                let mut out = Vec::new();
                write_header(&mut out, dialect, family);
                out.into()
            };
            families.iter().map(header).collect()
        });
        let lines = vec![FamilyLines::default(); families.len()];
        Self { table: families, headers: Arc::new(headers), lines, series: 0 }
    }

    /// The next one, with these lines in place of those.
    pub(super) fn with(
        &self,
        changed: impl IntoIterator<Item = (FamilyIndex, FamilyLines)>,
        series: usize,
    ) -> Self {
        let mut lines = self.lines.clone();
        for (family, new) in changed {
            lines[family] = new;
        }
        Self { table: self.table, headers: Arc::clone(&self.headers), lines, series }
    }

    /// Series held.
    pub(super) fn series(&self) -> usize {
        self.series
    }

    /// Bytes as sent in this dialect.
    pub(super) fn size(&self, dialect: Dialect) -> u64 {
        let family = |(lines, header): (&FamilyLines, &Bytes)| {
            if lines.bytes == 0 { 0 } else { header.len() as u64 + lines.bytes }
        };
        self.lines.iter().zip(&self.headers[dialect as usize]).map(family).sum()
    }

    /// Piece number `piece` of a family: its header, then its blocks. `None` after the last, and for
    /// a family without lines.
    pub(super) fn piece(
        &self,
        dialect: Dialect,
        family: FamilyIndex,
        piece: usize,
    ) -> Option<&Bytes> {
        let blocks = &self.lines[family].blocks;
        match piece {
            0 if blocks.is_empty() => None,
            0 => self.headers[dialect as usize].get(family),
            _ => blocks.get(piece - 1),
        }
    }

    /// The table.
    pub(super) fn table(&self) -> &'static [Family] {
        self.table
    }

    /// The lines of a family, in order.
    pub(super) fn lines(&self, family: FamilyIndex) -> &[Bytes] {
        &self.lines[family].blocks
    }

    /// Families of the table.
    pub(super) fn families(&self) -> usize {
        self.lines.len()
    }
}

impl<'a> FromIterator<&'a Bytes> for FamilyLines {
    fn from_iter<T: IntoIterator<Item = &'a Bytes>>(blocks: T) -> Self {
        let blocks: Arc<[Bytes]> =
            blocks.into_iter().filter(|block| !block.is_empty()).cloned().collect();
        let bytes = blocks.iter().map(|block| block.len() as u64).sum();
        Self { blocks, bytes }
    }
}
