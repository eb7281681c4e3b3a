//! Documents written from the table of keys.

/// stub
pub fn example_file() -> String {
    String::new()
}
/// stub
pub fn reference() -> String {
    String::new()
}
