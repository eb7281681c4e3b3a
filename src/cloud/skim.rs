//! Drops the value of `images_outputs` from a JSON answer while it streams by.
//!
//! `model_metric_list` may carry, beside the scores, the labels and logits of every image the
//! training code evaluated: tens of megabytes nobody shows. The key stands either in the document
//! itself or in a document that is a string of it, where every quote is escaped once more; both are
//! found by the same [`Cutter`], run over the bytes and over the characters of each string.

/// The key whose value is replaced by `null`.
const KEY: &[u8] = b"images_outputs";

/// What stands in the place of the value.
const REPLACEMENT: &[u8] = b"null";

/// Copies JSON from chunks into a buffer, without what nobody reads. Split points do not matter.
///
/// It does not judge: broken JSON comes out as broken JSON.
#[derive(Debug, Default)]
pub(crate) struct Skimmer {
    outer: Cutter,
    /// Present while the outer document is inside a string: that string read as a document.
    inner: Option<Cutter>,
    /// The raw bytes of an escape sequence that is not complete yet.
    escape: Vec<u8>,
}

impl Skimmer {
    /// Appends what is left of `chunk` to `kept`.
    pub(crate) fn push(&mut self, chunk: &[u8], kept: &mut Vec<u8>) {
        for &byte in chunk {
            if self.inner.is_some() {
                self.string_byte(byte, kept);
            } else {
                self.outer.step(byte, &[byte], kept);
                if self.outer.is_in_kept_string() {
                    self.inner = Some(Cutter::default());
                }
            }
        }
    }

    fn string_byte(&mut self, byte: u8, kept: &mut Vec<u8>) {
        let Some(inner) = &mut self.inner else { return };
        if self.escape.is_empty() && byte == b'"' {
            inner.finish(kept);
            self.inner = None;
            self.outer.step(byte, &[byte], kept);
            return;
        }
        self.outer.note(byte);
        if self.escape.is_empty() && byte != b'\\' {
            inner.step(byte, &[byte], kept);
            return;
        }
        self.escape.push(byte);
        if let Some(character) = unescape(&self.escape) {
            inner.step(character, &self.escape, kept);
            self.escape.clear();
        }
    }
}

/// The character behind a complete escape sequence, `None` while it is incomplete. What is not
/// ASCII cannot matter to the structure and comes back as a letter.
fn unescape(raw: &[u8]) -> Option<u8> {
    match raw {
        [] | [_] => None,
        [_, b'u', digits @ ..] if digits.len() < 4 => None,
        [_, b'u', digits @ ..] => {
            let text = std::str::from_utf8(digits).unwrap_or_default();
            Some(u8::from_str_radix(text, 16).ok().filter(u8::is_ascii).unwrap_or(b'u'))
        }
        [_, b'n' | b'r' | b't' | b'b' | b'f', ..] => Some(b' '),
        [_, character, ..] => Some(*character),
    }
}

/// Reads JSON character by character and says which to keep.
#[derive(Debug, Default)]
struct Cutter {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// Between strings.
    #[default]
    Structure,
    /// In a string, of which so many characters equal the key's; `None`: it is another one.
    Text { matched: Option<usize>, escaped: bool },
    /// After a string that equals the key: a colon makes it the key.
    AfterMatch,
    /// After the key's colon.
    BeforeValue,
    /// In the value: an object or array of this depth.
    CutNested { depth: u32, text: bool, escaped: bool },
    /// In the value: a string.
    CutText { escaped: bool },
    /// In the value: a number or a word.
    CutWord,
}

impl Cutter {
    fn is_in_kept_string(&self) -> bool {
        matches!(self.state, State::Text { .. })
    }

    /// Follows a character of a string that somebody else keeps or drops.
    fn note(&mut self, character: u8) {
        if let State::Text { matched, escaped } = &mut self.state {
            *matched = matched.filter(|&at| KEY.get(at) == Some(&character)).map(|at| at + 1);
            *escaped = false;
        }
    }

    /// The text ends here: a value that is being dropped is closed.
    fn finish(&mut self, kept: &mut Vec<u8>) {
        if matches!(
            self.state,
            State::BeforeValue | State::CutNested { .. } | State::CutText { .. } | State::CutWord
        ) {
            kept.extend_from_slice(REPLACEMENT);
        }
        self.state = State::Structure;
    }

    /// Takes one character, and keeps `raw`, its bytes in the answer, unless they are dropped.
    fn step(&mut self, character: u8, raw: &[u8], kept: &mut Vec<u8>) {
        match &mut self.state {
            State::Structure => {
                if character == b'"' {
                    self.state = State::Text { matched: Some(0), escaped: false };
                }
            }
            State::Text { matched, escaped } => {
                if *escaped {
                    *escaped = false;
                } else if character == b'\\' {
                    *escaped = true;
                    *matched = None;
                } else if character == b'"' {
                    self.state = if *matched == Some(KEY.len()) {
                        State::AfterMatch
                    } else {
                        State::Structure
                    };
                } else {
                    self.note(character);
                }
            }
            State::AfterMatch => match character {
                b':' => self.state = State::BeforeValue,
                _ if character.is_ascii_whitespace() => {}
                b'"' => self.state = State::Text { matched: Some(0), escaped: false },
                _ => self.state = State::Structure,
            },
            State::BeforeValue => {
                if character.is_ascii_whitespace() {
                    return;
                }
                self.state = match character {
                    b'{' | b'[' => State::CutNested { depth: 1, text: false, escaped: false },
                    b'"' => State::CutText { escaped: false },
                    _ => State::CutWord,
                };
                return;
            }
            State::CutNested { depth, text, escaped } => {
                match (character, *text) {
                    _ if *escaped => *escaped = false,
                    (b'\\', true) => *escaped = true,
                    (b'"', _) => *text = !*text,
                    (b'{' | b'[', false) => *depth += 1,
                    (b'}' | b']', false) => *depth -= 1,
                    _ => {}
                }
                if *depth == 0 {
                    self.finish(kept);
                }
                return;
            }
            State::CutText { escaped } => {
                match character {
                    _ if *escaped => *escaped = false,
                    b'\\' => *escaped = true,
                    b'"' => self.finish(kept),
                    _ => {}
                }
                return;
            }
            State::CutWord => {
                if !matches!(character, b',' | b'}' | b']') && !character.is_ascii_whitespace() {
                    return;
                }
                self.finish(kept);
            }
        }
        kept.extend_from_slice(raw);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn any_bytes_come_out_alike_however_they_are_cut(
            body in hostile::answers(&[hostile::VERSIONS, hostile::DETAIL]), chunk in 1usize..99,
        ) {
            let skimmed = |chunk: usize| {
                let (mut skimmer, mut kept) = (Skimmer::default(), Vec::new());
                for part in body.chunks(chunk) {
                    skimmer.push(part, &mut kept);
                }
                kept
            };
            prop_assert_eq!(skimmed(chunk), skimmed(body.len().max(1)));
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| Skimmer::default().push(body, &mut Vec::new()));
    }

    fn skim(text: &str, chunk: usize) -> String {
        let (mut skimmer, mut kept) = (Skimmer::default(), Vec::new());
        for part in text.as_bytes().chunks(chunk) {
            skimmer.push(part, &mut kept);
        }
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn the_value_is_dropped_in_the_document_and_in_a_string_of_it() {
        let table = [
            (
                r#"{"a":1,"images_outputs":{"s3://x":{"l":["1}",2]}},"b":2}"#,
                r#"{"a":1,"images_outputs":null,"b":2}"#,
            ),
            (
                r#"{"images_outputs" : [1,"]\"",{}] , "b":"images_outputs"}"#,
                r#"{"images_outputs" :null , "b":"images_outputs"}"#,
            ),
            (r#"{"images_outputs":12.5}"#, r#"{"images_outputs":null}"#),
            (r#"{"images_outputs":"a\"b\\","c":"\\"}"#, r#"{"images_outputs":null,"c":"\\"}"#),
            (r#"["images_outputs","x"]"#, r#"["images_outputs","x"]"#),
            (
                r#"{"images_outputs2":{"a":1},"ximages_outputs":{}}"#,
                r#"{"images_outputs2":{"a":1},"ximages_outputs":{}}"#,
            ),
            (
                r#"{"m":"{\"images_outputs\": {\"a\\\"}\":[\"}\"]},\"total\":{\"r\":0.5}}","z":1}"#,
                r#"{"m":"{\"images_outputs\":null,\"total\":{\"r\":0.5}}","z":1}"#,
            ),
            (
                r#"{"m":"{\"images_outputs\":{\"never\":","z":1}"#,
                r#"{"m":"{\"images_outputs\":null","z":1}"#,
            ),
            (
                r#"{"m":"{\u0022images_outputs\u0022:{}}"}"#,
                r#"{"m":"{\u0022images_outputs\u0022:null}"}"#,
            ),
        ];
        for (text, wanted) in table {
            for chunk in [1, 2, 3, 7, 1000] {
                assert_eq!(skim(text, chunk), wanted, "in chunks of {chunk}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn anything_without_the_key_passes_unchanged(text in "[\\[\\]{}\",:\\\\ a-zA-Z0-9\u{e9}]{0,80}", chunk in 1usize..9) {
            // An escape sequence that the text cuts short is completed by the tail.
            let text = format!("{text}xxxxx");
            prop_assert_eq!(skim(&text, chunk), text);
        }

        #[test]
        fn neighbours_of_a_dropped_value_survive(
            before in "[^\"\\\\]{0,20}", value in "[^\u{0}-\u{1f}]{0,40}", after in "[^\"\\\\]{0,20}", chunk in 1usize..9,
        ) {
            let document = format!(
                "{{{}:1,\"images_outputs\":{{\"x\":{}}},\"z\":{}}}",
                serde_json::to_string(&before).unwrap(),
                serde_json::to_string(&value).unwrap(),
                serde_json::to_string(&after).unwrap(),
            );
            let wanted = document.replace(
                &format!("{{\"x\":{}}}", serde_json::to_string(&value).unwrap()), "null");
            prop_assert_eq!(skim(&document, chunk), wanted.clone());
            let nested = serde_json::to_string(&document).unwrap();
            prop_assert_eq!(
                serde_json::from_str::<String>(&skim(&nested, chunk)).unwrap(), wanted);
        }
    }
}
