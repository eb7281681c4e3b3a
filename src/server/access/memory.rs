use std::collections::{HashMap, VecDeque};

use ring::hmac::{self, Tag};

/// Wrong passwords that are remembered, so that a client with an old one costs nothing. Each is 32
/// bytes; more misconfigured clients than this would be noticed otherwise.
const WRONG_REMEMBERED: usize = 256;

/// What came out of earlier checks, so that a password is computed once.
///
/// It holds keyed digests; without the key, which never leaves the process, they say nothing about
/// the passwords.
#[derive(Default)]
pub(super) struct Memory {
    /// The last right password of each user.
    right: HashMap<String, Tag>,
    /// Name and password together, oldest first.
    wrong: VecDeque<Tag>,
}

impl Memory {
    /// What is known about a user with a password. `message` is both, `tag` their digest.
    pub(super) fn verdict(
        &self,
        key: &hmac::Key,
        name: &str,
        message: &[u8],
        tag: &Tag,
    ) -> Option<bool> {
        let is_right = |right: &Tag| hmac::verify(key, message, right.as_ref()).is_ok();
        if self.right.get(name).is_some_and(is_right) {
            return Some(true);
        }
        // A digest under a key that nobody knows: how long the comparison takes tells nothing.
        let is_wrong = self.wrong.iter().any(|wrong| wrong.as_ref() == tag.as_ref());
        is_wrong.then_some(false)
    }

    pub(super) fn remember_right(&mut self, name: &str, tag: Tag) {
        self.right.insert(name.to_owned(), tag);
    }

    pub(super) fn remember_wrong(&mut self, tag: Tag) {
        if self.wrong.len() >= WRONG_REMEMBERED {
            self.wrong.pop_front();
        }
        self.wrong.push_back(tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_passwords_make_room_for_others_and_right_ones_stay() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let mut memory = Memory::default();
        let verdict = |memory: &Memory, message: &str| {
            let tag = hmac::sign(&key, message.as_bytes());
            memory.verdict(&key, "alice", message.as_bytes(), &tag)
        };
        memory.remember_right("alice", hmac::sign(&key, b"right"));
        for number in 0..=WRONG_REMEMBERED {
            memory.remember_wrong(hmac::sign(&key, format!("wrong {number}").as_bytes()));
        }
        assert_eq!(verdict(&memory, "right"), Some(true));
        assert_eq!(verdict(&memory, "wrong 0"), None, "the oldest gave way");
        assert_eq!(verdict(&memory, "wrong 1"), Some(false));
        assert_eq!(verdict(&memory, "never seen"), None);
        assert_eq!(memory.wrong.len(), WRONG_REMEMBERED);
    }
}
