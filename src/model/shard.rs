use ring::digest::{SHA256, digest};

/// The part of the jobs that this process follows, where several share them.
///
/// Jobs are divided by the name their outcomes are kept under, so that all runs of a name, and what is
/// remembered of them, are in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0 on.
    pub index: u32,
    /// How many parts there are.
    pub total: u32,
}

/// All jobs.
impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, total: 1 }
    }
}

impl Shard {
    /// Whether there is no other part.
    pub fn is_all(self) -> bool {
        self.total <= 1
    }

    /// Whether the jobs of this name in this project are ours.
    pub fn has(self, project: &str, name: &str) -> bool {
        self.is_all() || jump(hash(project, name), self.total) == self.index
    }

    /// Our part of a budget of requests a minute; 0, which is unlimited, stays so.
    pub fn part_of(self, requests_per_minute: u32) -> u32 {
        match requests_per_minute {
            0 => 0,
            all => (all / self.total.max(1)).max(1),
        }
    }
}

/// The same in every process, on every machine and in every version.
fn hash(project: &str, name: &str) -> u64 {
    // The separator stands in no name of a project.
    let text = format!("{project}\0{name}");
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// Jump consistent hash (Lamping and Veach, 2014): from N buckets to N + 1 one key in N + 1 moves, and
/// only to the new one.
fn jump(mut key: u64, buckets: u32) -> u32 {
    const MULTIPLIER: u64 = 2_862_933_555_777_941_757;
    let (mut bucket, mut next) = (0, 0.0);
    while next < f64::from(buckets) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "less than the number of buckets, and not negative"
        )]
        {
            bucket = next as u32;
        }
        key = key.wrapping_mul(MULTIPLIER).wrapping_add(1);
        let step = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((f64::from(bucket) + 1.0) * step).floor();
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, total: u32) -> u32 {
        let owners: Vec<_> =
            (0..total).filter(|&index| Shard { index, total }.has("p", name)).collect();
        assert_eq!(owners.len(), 1, "{name} of {total}");
        owners[0]
    }

    #[test]
    fn every_name_is_in_one_part_and_parts_are_alike() {
        let names: Vec<_> = (0..10_000).map(|number| format!("train-{number}")).collect();
        let mut before: Vec<u32> = vec![0; names.len()];
        for total in 2..=6 {
            let after: Vec<_> = names.iter().map(|name| place(name, total)).collect();
            let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
            assert!(moved.clone().all(|(_, after)| *after == total - 1), "to the new one alone");
            let (moved, fair) = (moved.count() as f64, 10_000.0 / f64::from(total));
            assert!((moved / fair - 1.0).abs() < 0.1, "{moved} to shard {total}");
            before = after;
        }
    }

    #[test]
    fn names_stay_where_they_are_from_version_to_version() {
        let places = ["train", "", "größe", "a", "b"].map(|name| place(name, 7));
        insta::assert_snapshot!(format!("{places:?}"), @"[0, 2, 0, 0, 5]");
    }

    #[test]
    fn a_budget_is_divided_and_never_nothing() {
        let of_four = Shard { index: 3, total: 4 };
        assert_eq!([0, 2, 60, 63].map(|budget| of_four.part_of(budget)), [0, 1, 15, 15]);
        assert_eq!(Shard::default().part_of(60), 60);
        assert!(Shard::default().has("p", "anything"));
    }
}
