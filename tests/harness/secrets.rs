//! Every secret that a test gives to a process of ours is marked, so that whatever the process writes or
//! answers can be searched for it. [`Process`](super::Process) and [`Daemon`](super::Daemon) do, always.

/// What every secret that a test makes up begins with.
pub(crate) const MARK: &str = "S3CR3T";

/// The password of the account in a [`Cloud`](super::Cloud).
pub(crate) const PASSWORD: &str = "S3CR3Tdemo";

/// The secret key of the simulated account, whatever the mark.
const SECRET_KEY: &str = "demosecretkey";

/// Fails the test if there is a secret in the text.
pub(crate) fn search(place: &str, text: &str) {
    for telling in [MARK, SECRET_KEY] {
        if let Some(at) = text.find(telling) {
            let from = text.floor_char_boundary(at.saturating_sub(200));
            let to = text.ceil_char_boundary(text.len().min(at + 200));
            panic!("a secret is out in {place}: … {} …", &text[from..to]);
        }
    }
}
