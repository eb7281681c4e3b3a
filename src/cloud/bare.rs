//! `NaN` and infinities that stand bare in JSON, where the grammar has no place for them.
//!
//! Python's `json.dump` writes them by default, and so does the training code whose loss has no value
//! any more. Without them quoted, one such score would cost the whole file it stands in.

/// What Python and JavaScript write.
const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// The same text with these words in quotes; `None` where there is none.
pub(super) fn quoted(text: &str) -> Option<String> {
    let mut fixed = String::new();
    let (mut copied, mut at) = (0, 0);
    let (mut in_string, mut escaped) = (false, false);
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'-' | b'I' | b'N' if !in_string => {
                let begin = at - 1;
                let found = WORDS.iter().find(|word| bytes[begin..].starts_with(word.as_bytes()));
                if let Some(word) = found {
                    fixed.push_str(&text[copied..begin]);
                    fixed.extend(["\"", word, "\""]);
                    at = begin + word.len();
                    copied = at;
                }
            }
            _ => {}
        }
    }
    if copied == 0 {
        return None;
    }
    fixed.push_str(&text[copied..]);
    Some(fixed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn any_text_is_its_own_but_for_the_quotes(body in hostile::answers(&[hostile::VERSIONS])) {
            let text = String::from_utf8_lossy(&body);
            if let Some(fixed) = quoted(&text) {
                prop_assert!(fixed.len() > text.len());
                prop_assert_eq!(fixed.replace('"', ""), text.replace('"', ""));
            }
        }
    }

    #[test]
    fn large_texts_are_read_in_time() {
        hostile::in_time(|body| drop(quoted(&String::from_utf8_lossy(body))));
    }

    #[test]
    fn bare_words_are_quoted_and_those_in_strings_left_alone() {
        for (text, want) in [
            (r#"{"a":NaN}"#, Some(r#"{"a":"NaN"}"#)),
            (r"[-Infinity,Infinity,-1]", Some(r#"["-Infinity","Infinity",-1]"#)),
            (r#"{"NaN \" NaN":"NaN","b":1}"#, None),
            (r#"{"\\":NaN}"#, Some(r#"{"\\":"NaN"}"#)),
            ("", None),
            ("NaN", Some(r#""NaN""#)),
            ("\u{e9}NaN\u{e9}", Some("\u{e9}\"NaN\"\u{e9}")),
        ] {
            assert_eq!(quoted(text).as_deref(), want, "{text}");
        }
    }
}
