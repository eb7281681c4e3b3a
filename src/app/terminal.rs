//! Text for whoever sits at a terminal.

use std::io::stdout;

/// Columns where there is no terminal to ask, and the fewest and most a table is made for.
const USUAL_WIDTH: usize = 100;
const NARROWEST: usize = 72;
const WIDEST: usize = 160;

/// Columns of the terminal, if there is one.
pub(super) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(stdout()).map_or(0, |size| size.ws_col);
    if columns == 0 { USUAL_WIDTH } else { usize::from(columns).clamp(NARROWEST, WIDEST) }
}

/// Words in lines of at most `room` characters; a longer word has a line to itself. What the cloud says
/// must not steer a terminal.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = word.replace(char::is_control, "");
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_a_long_word_stands_alone() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a https://example.invalid/ b", 9), ["a", "https://example.invalid/", "b"]);
        assert_eq!(wrap("", 9), Vec::<String>::new());
        assert_eq!(wrap("\u{1b}[31mred \u{7}bell", 20), ["[31mred bell"]);
    }
}
