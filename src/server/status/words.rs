//! Values as people read them.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::JobKey;

/// What a part of a path may hold as it is (RFC 3986, "unreserved").
const PATH_PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Characters of a name where many stand below each other.
const LONGEST_IN_A_ROW: usize = 96;

/// What stands for a character that must not have its effect.
const REPLACED: char = '\u{fffd}';

/// A text of somebody else's, without what could hide or rearrange what stands around it: control
/// characters, and those that turn the direction of writing. Escaping is left to the template.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed("(no name)");
    }
    if !text.contains(has_effect) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(has_effect, REPLACED.encode_utf8(&mut [0; 4])))
}

/// Joiners stay: emoji and whole scripts are made with them.
fn has_effect(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// The same, of its own direction, whatever that is.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (plain(text)) } }
}

/// The same where there is little room.
pub(super) fn short_name(text: &str) -> Markup {
    match text.char_indices().nth(LONGEST_IN_A_ROW) {
        Some((end, _)) => html! { bdi { (plain(&text[..end])) "…" } },
        None => name(text),
    }
}

/// Characters of an id where many stand below each other, unless it is not much longer.
const START_OF_ID: usize = 8;

/// An id where there is little room: of a uuid its beginning, and all of it for who asks.
pub(super) fn short_id(id: &str) -> Markup {
    match id.char_indices().nth(START_OF_ID) {
        Some((end, _)) if id.len() > 2 * START_OF_ID => {
            html! { span title=(plain(id)) { bdi { (plain(&id[..end])) "…" } } }
        }
        _ => name(id),
    }
}

/// Where the page of a job is.
pub(super) fn job_path(prefix: &str, key: &JobKey) -> String {
    let part = |text| utf8_percent_encode(text, PATH_PART);
    format!("{prefix}/jobs/{}/{}", part(&key.project), part(key.job_id.as_str()))
}

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// A length of time by its two largest units.
pub(super) fn span(seconds: f64) -> String {
    if (0.05..0.95).contains(&seconds) {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let seconds = seconds.round().max(0.0) as u64;
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, word) = UNITS[first];
    let whole = format!("{} {word}", seconds / unit);
    match UNITS.get(first + 1).filter(|(next, _)| unit > 60 && seconds % unit >= *next) {
        Some((next, next_word)) => format!("{whole} {} {next_word}", seconds % unit / next),
        None => whole,
    }
}

/// How long ago that was; both in Unix seconds.
pub(super) fn ago(then: f64, now: f64) -> Markup {
    let past = now - then;
    let text = if past < 1.0 { "now".to_owned() } else { format!("{} ago", span(past)) };
    time(then, &text)
}

/// Since when, as a length of time.
pub(super) fn for_long(since: f64, now: f64) -> Markup {
    time(since, &format!("for {}", span(now - since)))
}

/// A text that stands for a point in time, Unix seconds.
pub(super) fn time(at: f64, text: &str) -> Markup {
    html! {
        @if let Some(at) = timestamp(at) { time datetime=(at) title=(at) { (text) } } @else { (text) }
    }
}

/// The point in time itself.
pub(super) fn date(at: f64) -> Markup {
    html! {
        @if let Some(at) = timestamp(at) {
            time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%S UTC")) }
        } @else { "–" }
    }
}

fn timestamp(unix: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is refused then")]
    Timestamp::from_second(unix.round() as i64).ok()
}

/// A share of something.
pub(super) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A score, which may be any number.
pub(super) fn score(value: f64) -> String {
    if value == 0.0 || (1e-3..1e4).contains(&value.abs()) {
        format!("{value:.3}")
    } else {
        format!("{value:.2e}")
    }
}

/// A count with its thousands apart.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of something there are.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A number that may be large, with a letter for its thousands.
pub(super) fn short(value: f64) -> String {
    const LETTERS: [&str; 5] = ["", "k", "M", "G", "T"];
    let mut rest = value;
    let mut letter = 0;
    while rest.abs() >= 999.5 && letter + 1 < LETTERS.len() {
        rest /= 1000.0;
        letter += 1;
    }
    let digits = usize::from(rest.abs() < 99.5 && rest.fract() != 0.0);
    format!("{rest:.digits$} {}", LETTERS[letter]).trim_end().to_owned()
}

/// Bytes in binary units, as memory is counted.
pub(super) fn memory(bytes: f64) -> String {
    let gigabytes = bytes / f64::from(1 << 30);
    format!(
        "{} GiB",
        if gigabytes < 10.0 { format!("{gigabytes:.1}") } else { format!("{gigabytes:.0}") }
    )
}

/// A sentence of ours in which code stands between backquotes.
pub(super) fn sentence(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        let table = [
            (0.0, "0 s"),
            (0.2, "0.2 s"),
            (0.96, "1 s"),
            (59.4, "59 s"),
            (60.0, "1 min"),
            (3_599.0, "59 min"),
            (3_600.0, "1 h"),
            (3_661.0, "1 h 1 min"),
            (90_000.0, "1 d 1 h"),
            (86_400.0 * 400.0, "400 d"),
            (-5.0, "0 s"),
            (f64::NAN, "0 s"),
        ];
        for (seconds, text) in table {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        let shares = [0.0, 0.004, 0.0994, 0.0996, 0.5, 1.0].map(percent);
        assert_eq!(shares, ["0 %", "0.4 %", "9.9 %", "10 %", "50 %", "100 %"]);
        let scores = [0.0, 0.5, -0.25, 1234.5, 1e-5, 1e9].map(score);
        assert_eq!(scores, ["0.000", "0.500", "-0.250", "1234.500", "1.00e-5", "1.00e9"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let rates = [0.0, 12.0, 12.34, 999.9, 5_770_405.5, 3e15].map(short);
        assert_eq!(rates, ["0", "12", "12.3", "1.0 k", "5.8 M", "3000 T"]);
    }

    #[test]
    fn texts_of_others_have_no_effect_on_what_stands_around_them() {
        let shown = |text: &str| name(text).into_string();
        assert_eq!(shown(""), "<bdi>(no name)</bdi>");
        assert_eq!(shown("<b>&\""), "<bdi>&lt;b&gt;&amp;&quot;</bdi>");
        assert_eq!(shown("a\0b\u{202e}c\n"), "<bdi>a\u{fffd}b\u{fffd}c\u{fffd}</bdi>");
        assert_eq!(shown("👩\u{200d}🚀 עברית"), "<bdi>👩\u{200d}🚀 עברית</bdi>");
        let long = "ü".repeat(10_000);
        assert_eq!(short_name(&long).into_string().chars().filter(|c| *c == 'ü').count(), 96);
    }

    #[test]
    fn a_long_id_is_cut_and_told_in_full() {
        let shown = |id: &str| short_id(id).into_string();
        assert_eq!(shown("182626"), "<bdi>182626</bdi>");
        assert_eq!(shown("0123456789abcdef"), "<bdi>0123456789abcdef</bdi>");
        let uuid = "06f05a53-db62-4e10-a5cc-27d3ebe245ff";
        assert_eq!(shown(uuid), format!("<span title=\"{uuid}\"><bdi>06f05a53…</bdi></span>"));
    }

    #[test]
    fn every_id_has_a_path() {
        let key = |project: &str, id: &str| JobKey { project: project.into(), job_id: id.into() };
        assert_eq!(job_path("/x", &key("vision", "18")), "/x/jobs/vision/18");
        assert_eq!(job_path("", &key("a b/ü", "?#%")), "/jobs/a%20b%2F%C3%BC/%3F%23%25");
    }

    #[test]
    fn a_time_that_no_calendar_has_is_text_alone() {
        assert_eq!(ago(1e300, 0.0).into_string(), "now");
        assert_eq!(date(f64::INFINITY).into_string(), "–");
        let shown = ago(0.0, 61.0).into_string();
        assert!(shown.contains("datetime=\"1970-01-01T00:00:00Z\"") && shown.contains("1 min ago"));
    }
}
