/// What this binary was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The release, as in `Cargo.toml`.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub revision: &'static str,
    /// The branch, or `unknown`.
    pub branch: &'static str,
    /// The compiler's version, or `unknown`.
    pub rustc: &'static str,
}

impl BuildInfo {
    /// Of this binary. The Makefile and the Dockerfile set the variables; a plain `cargo build` need not.
    pub const CURRENT: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        revision: or_unknown(option_env!("MODELARTS_EXPORTER_REVISION")),
        branch: or_unknown(option_env!("MODELARTS_EXPORTER_BRANCH")),
        rustc: or_unknown(option_env!("MODELARTS_EXPORTER_RUSTC")),
    };
}

const fn or_unknown(text: Option<&'static str>) -> &'static str {
    match text {
        Some(text) => text,
        None => "unknown",
    }
}
