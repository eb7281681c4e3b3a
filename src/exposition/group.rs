use std::sync::{Arc, Mutex};

use crate::metrics::{FamilyIndex, JobKey, Kind};

use super::job_text::JobText;
use super::locked;
use super::piece::Piece;
use super::protobuf;

/// Jobs whose lines share blocks.
///
/// A poll that changes a line copies the block it stands in, and a block is what is deflated at once: 128
/// jobs of about 140 bytes a family make 18 KB, which takes 2 µs to copy and deflates to a sixth more
/// than the whole text would.
pub(super) const GROUP_JOBS: usize = 128;

/// Neighbours in key order, all of one project, and their lines in one block a family. Never changes.
#[derive(Debug)]
pub(super) struct Group {
    keys: Arc<[JobKey]>,
    counts: Box<[Counts]>,
    /// Of all jobs.
    sums: Counts,
    /// Of each family; `None` where no job has lines.
    blocks: Box<[Option<Arc<Block>>]>,
    /// Bytes of all lines.
    size: u64,
}

/// What is known of one job's lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) series: usize,
    pub(super) refused: usize,
}

/// The lines of one family and one group.
#[derive(Debug)]
pub(super) struct Block {
    text: Arc<Piece>,
    /// Where each member's lines end.
    ends: Box<[u32]>,
    /// The same as protobuf, once somebody asked for that.
    protobuf: Mutex<Option<Arc<Piece>>>,
}

/// Where the lines of a member come from when a group is put together.
pub(super) enum Lines<'a> {
    /// From the group it was in, at this place.
    Kept(&'a Group, usize),
    /// From a poll.
    New(JobText),
}

impl Group {
    /// A group of these jobs, which must be in key order.
    pub(super) fn new(families: usize, jobs: Vec<(JobKey, Lines<'_>)>) -> Self {
        let blocks = (0..families)
            .map(|family| Block::new(jobs.iter().map(|(_, lines)| lines.of(family))))
            .collect();
        let counts = jobs.iter().map(|(_, lines)| lines.counts()).collect();
        let keys = jobs.into_iter().map(|(key, _)| key).collect();
        Self::summed(keys, counts, blocks)
    }

    fn summed(
        keys: Arc<[JobKey]>,
        counts: Box<[Counts]>,
        blocks: Box<[Option<Arc<Block>>]>,
    ) -> Self {
        let mut sums = Counts::default();
        for job in &counts {
            sums.series += job.series;
            sums.refused += job.refused;
        }
        let size = blocks.iter().flatten().map(|block| block.text.len()).sum();
        Self { keys, counts, sums, blocks, size }
    }

    /// The jobs, in key order.
    pub(super) fn keys(&self) -> &[JobKey] {
        &self.keys
    }

    /// Of all jobs together.
    pub(super) fn sums(&self) -> Counts {
        self.sums
    }

    /// Bytes of all lines.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The project of all of them.
    pub(super) fn project(&self) -> &Arc<str> {
        // No group is without jobs.
        &self.keys[0].project
    }

    /// The block of a family; `None` where no job has lines.
    pub(super) fn block(&self, family: FamilyIndex) -> Option<&Block> {
        self.blocks[family].as_deref()
    }

    /// All blocks with lines.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flatten().map(|block| &**block)
    }

    /// The place of a job.
    pub(super) fn find(&self, key: &JobKey) -> Option<usize> {
        self.keys.binary_search(key).ok()
    }

    /// The group with new lines for members, ascending by place, and how many blocks that rebuilt. All
    /// other blocks are shared.
    pub(super) fn with(&self, changes: &[(usize, JobText)]) -> (Self, usize) {
        let mut counts = self.counts.clone();
        for (at, text) in changes {
            counts[*at] = Counts { series: text.series(), refused: text.refused() };
        }
        let mut rebuilt = 0;
        let mut blocks = self.blocks.clone();
        for (family, block) in blocks.iter_mut().enumerate() {
            let lines = |at| block.as_deref().map_or(&[][..], |block| block.lines(at));
            if changes.iter().any(|(at, text)| lines(*at) != text.lines(family)) {
                let mut next = changes.iter().peekable();
                let members = (0..counts.len()).map(|at| match next.next_if(|(to, _)| *to == at) {
                    Some((_, text)) => text.lines(family),
                    None => lines(at),
                });
                *block = Block::new(members.collect::<Vec<_>>().into_iter());
                rebuilt += 1;
            }
        }
        (Self::summed(Arc::clone(&self.keys), counts, blocks), rebuilt)
    }
}

impl Block {
    fn new<'a>(members: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Arc<Self>> {
        let size = members.clone().map(<[u8]>::len).sum();
        if size == 0 {
            return None;
        }
        let mut bytes = Vec::with_capacity(size);
        let ends = members
            .map(|lines| {
                bytes.extend_from_slice(lines);
                u32::try_from(bytes.len()).expect("a few jobs' lines of one family are below 4 GiB")
            })
            .collect();
        Some(Arc::new(Self { text: Arc::new(bytes.into()), ends, protobuf: Mutex::default() }))
    }

    /// The lines of all members.
    pub(super) fn text(&self) -> &Arc<Piece> {
        &self.text
    }

    /// The lines of all members as protobuf. Takes its time when asked first: run it where waiting is
    /// allowed.
    pub(super) fn protobuf(&self, kind: Kind) -> Arc<Piece> {
        let mut protobuf = locked(&self.protobuf);
        let made = protobuf.get_or_insert_with(|| {
            let mut out = Vec::with_capacity(self.text.bytes().len());
            protobuf::write_lines(&mut out, kind, self.text.bytes());
            out.shrink_to_fit();
            Arc::new(out.into())
        });
        Arc::clone(made)
    }

    /// The protobuf, if it is held.
    pub(super) fn held_protobuf(&self) -> Option<Arc<Piece>> {
        locked(&self.protobuf).clone()
    }

    /// Gives the memory of the protobuf back.
    pub(super) fn forget_protobuf(&self) {
        *locked(&self.protobuf) = None;
    }

    fn lines(&self, member: usize) -> &[u8] {
        let start = member.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text.bytes()[start as usize..self.ends[member] as usize]
    }
}

impl Lines<'_> {
    fn of(&self, family: FamilyIndex) -> &[u8] {
        match self {
            Self::Kept(group, at) => group.block(family).map_or(&[], |block| block.lines(*at)),
            Self::New(text) => text.lines(family),
        }
    }

    fn counts(&self) -> Counts {
        match self {
            Self::Kept(group, at) => group.counts[*at],
            Self::New(text) => Counts { series: text.series(), refused: text.refused() },
        }
    }
}
