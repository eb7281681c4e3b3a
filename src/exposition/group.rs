use bytes::Bytes;

use crate::metrics::{FamilyIndex, JobKey};

use super::job_text::JobText;

/// Jobs whose lines share blocks.
///
/// A poll that changes a line copies the block it stands in, and every block costs its bookkeeping
/// and a place in each snapshot: with 16 jobs of about 150 bytes a family, a block is 2.4 KB, which
/// is little to copy and large beside the 100 bytes that keep it.
pub(super) const GROUP_JOBS: usize = 16;

/// Neighbours in key order, and their lines in one block a family.
#[derive(Default)]
pub(super) struct Group {
    members: Vec<Member>,
    blocks: Vec<Block>,
}

/// One job of a group.
pub(super) struct Member {
    pub(super) key: JobKey,
    pub(super) series: usize,
    pub(super) refused: usize,
}

/// The lines of one family and one group.
#[derive(Default)]
struct Block {
    bytes: Bytes,
    /// Where each member's lines end; empty where no member has any.
    ends: Box<[u32]>,
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
        let members = jobs.into_iter().map(|(key, lines)| lines.member(key)).collect();
        Self { members, blocks }
    }

    /// The jobs, in key order.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The block of a family; empty where no job has lines.
    pub(super) fn block(&self, family: FamilyIndex) -> &Bytes {
        &self.blocks[family].bytes
    }

    /// Families with lines.
    pub(super) fn families(&self) -> impl Iterator<Item = FamilyIndex> {
        (0..self.blocks.len()).filter(|family| !self.blocks[*family].bytes.is_empty())
    }

    /// The place of a job.
    pub(super) fn find(&self, key: &JobKey) -> Option<usize> {
        self.members.binary_search_by(|member| member.key.cmp(key)).ok()
    }

    /// Takes new lines for members, ascending by place, and gives back the families they touched.
    pub(super) fn update(&mut self, changes: &[(usize, JobText)]) -> Vec<FamilyIndex> {
        for (at, text) in changes {
            self.members[*at].series = text.series();
            self.members[*at].refused = text.refused();
        }
        let members = self.members.len();
        let mut touched = Vec::new();
        for (family, block) in self.blocks.iter_mut().enumerate() {
            if changes.iter().all(|(at, text)| block.lines(*at) == text.lines(family)) {
                continue;
            }
            let mut next = changes.iter().peekable();
            let lines: Vec<&[u8]> = (0..members)
                .map(|at| match next.next_if(|change| change.0 == at) {
                    Some((_, text)) => text.lines(family),
                    None => block.lines(at),
                })
                .collect();
            *block = Block::new(lines.into_iter());
            touched.push(family);
        }
        touched
    }
}

impl Block {
    fn new<'a>(members: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let size = members.clone().map(<[u8]>::len).sum();
        if size == 0 {
            return Self::default();
        }
        let mut bytes = Vec::with_capacity(size);
        let ends = members
            .map(|lines| {
                bytes.extend_from_slice(lines);
                u32::try_from(bytes.len()).expect("a few jobs' lines of one family are below 4 GiB")
            })
            .collect();
        Self { bytes: bytes.into(), ends }
    }

    fn lines(&self, member: usize) -> &[u8] {
        let Some(&end) = self.ends.get(member) else { return &[] };
        let start = member.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..end as usize]
    }
}

impl Lines<'_> {
    fn of(&self, family: FamilyIndex) -> &[u8] {
        match self {
            Self::Kept(group, at) => group.blocks[family].lines(*at),
            Self::New(text) => text.lines(family),
        }
    }

    fn member(&self, key: JobKey) -> Member {
        let (series, refused) = match self {
            Self::Kept(group, at) => (group.members[*at].series, group.members[*at].refused),
            Self::New(text) => (text.series(), text.refused()),
        };
        Member { key, series, refused }
    }
}
