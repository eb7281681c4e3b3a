use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Into so many parts the entries are spread. A copy costs one count for each, and what changes after
/// it copies one part: of a hundred thousand jobs some four hundred, in a tenth of a millisecond.
const PARTS: usize = 256;

/// A map whose copy takes no time: both share what neither has changed since. The state file is
/// written from such a copy, so that no answer waits for a hundred thousand versions to be put down.
#[derive(Clone, Debug)]
pub(super) struct SharedMap<K, V> {
    parts: Box<[Arc<BTreeMap<K, V>>]>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { parts: vec![Arc::default(); PARTS].into(), len: 0 }
    }
}

impl<K: Ord + Hash + Clone, V: Clone> SharedMap<K, V> {
    pub(super) fn get<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts[part_of(key)].get(key)
    }

    pub(super) fn get_mut<Q: Ord + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let part = &mut self.parts[part_of(key)];
        // What is not there is no reason for a copy.
        if part.contains_key(key) { Arc::make_mut(part).get_mut(key) } else { None }
    }

    /// The value of this key, made where there is none.
    pub(super) fn entry(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        let part = Arc::make_mut(&mut self.parts[part_of(key)]);
        part.entry(key.clone()).or_insert_with(|| {
            self.len += 1;
            make()
        })
    }

    pub(super) fn remove<Q: Ord + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let part = &mut self.parts[part_of(key)];
        if !part.contains_key(key) {
            return None;
        }
        self.len -= 1;
        Arc::make_mut(part).remove(key)
    }

    /// Parts that keep everything stay shared.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&K, &V) -> bool) {
        let is_left = |part: &BTreeMap<K, V>| part.iter().any(|(key, value)| !is_kept(key, value));
        for part in self.parts.iter_mut().filter(|part| is_left(part)) {
            Arc::make_mut(part).retain(|key, value| is_kept(key, value));
        }
        self.len = self.parts.iter().map(|part| part.len()).sum();
    }

    pub(super) fn contains_key<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl<K, V> SharedMap<K, V> {
    /// Every entry, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }
}

impl<K: Ord + Hash, V> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut parts: Vec<_> = (0..PARTS).map(|_| BTreeMap::new()).collect();
        for (key, value) in entries {
            parts[part_of(&key)].insert(key, value);
        }
        let len = parts.iter().map(BTreeMap::len).sum();
        Self { parts: parts.into_iter().map(Arc::new).collect(), len }
    }
}

impl<K: Serialize, V: Serialize> Serialize for SharedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for SharedMap<K, V>
where
    K: Ord + Hash + Deserialize<'de>,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any part will do")]
fn part_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was_and_shares_what_did_not_change() {
        let mut map: SharedMap<u32, String> = SharedMap::default();
        for key in 0..10_000 {
            *map.entry(&key, String::new) += "before";
        }
        let copy = map.clone();
        *map.get_mut(&7).unwrap() = "after".to_owned();
        assert_eq!(map.remove(&8).as_deref(), Some("before"));
        assert!(map.get_mut(&20_000).is_none() && map.remove(&20_000).is_none());
        map.entry(&10_000, || "new".to_owned());
        assert_eq!((map.len(), copy.len()), (10_000, 10_000));
        assert_eq!(map.get(&7).map(String::as_str), Some("after"));
        assert!(map.contains_key(&10_000) && !map.contains_key(&8));
        assert!(copy.iter().all(|(key, value)| *key < 10_000 && value == "before"));
        let mut few = copy.clone();
        few.retain(|key, _| *key < 3);
        assert_eq!((few.len(), copy.len()), (3, 10_000));
        let shared = map.parts.iter().zip(&copy.parts).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, PARTS - 3, "one part for each change");
    }

    #[test]
    fn it_is_written_and_read_as_any_map_is() {
        let map: SharedMap<u32, u32> = (0..5000).map(|key| (key, key * 2)).collect();
        let text = serde_json::to_string(&map).unwrap();
        let read: SharedMap<u32, u32> = serde_json::from_str(&text).unwrap();
        assert!(map.iter().eq(read.iter()));
        let plain: BTreeMap<u32, u32> = serde_json::from_str(&text).unwrap();
        assert_eq!(plain.len(), 5000);
    }
}
