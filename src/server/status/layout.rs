//! What all pages have around what they are about.

use std::fmt::Write as _;
use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, Render, html};
use ring::digest::{SHA256, digest};

use super::{Maker, words};

/// Where pages find their style sheet, after the route prefix.
pub(in super::super) const STYLE_PATH: &str = "/style.css";

/// The style sheet: a file of its own, so that no page needs inline style.
pub(in super::super) const STYLE: &str = include_str!("style.css");

/// Where pages find their icon, after the route prefix.
pub(in super::super) const ICON_PATH: &str = "/icon.svg";

/// The icon, in a square.
pub(in super::super) const ICON: &str = include_str!("icon.svg");

/// Bytes of the checksum in the URL of a file: no two that were ever shipped have the same.
const VERSION_BYTES: usize = 6;

/// The style sheet's version, which stands in its URL: a browser keeps it for as long as it likes, and
/// never one of another exporter.
pub(in super::super) fn style_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| checksum(STYLE));
    &VERSION
}

/// The same of the icon.
pub(in super::super) fn icon_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| checksum(ICON));
    &VERSION
}

fn checksum(file: &str) -> String {
    let digest = digest(&SHA256, file.as_bytes());
    digest.as_ref().iter().take(VERSION_BYTES).fold("v=".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One line of a list of facts.
pub(super) fn fact(word: &str, content: impl Render) -> Markup {
    html! { div { dt { (word) } dd { (content) } } }
}

/// A whole page; `now`, Unix seconds, is when it was true.
pub(super) fn page(maker: &Maker, title: &str, now: f64, content: &Markup) -> Markup {
    let prefix = maker.route_prefix.as_str();
    let metrics = maker.telemetry_path.as_str();
    let icon = format!("{prefix}{ICON_PATH}?{}", icon_version());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(icon);
                link rel="stylesheet" href={ (prefix) (STYLE_PATH) "?" (style_version()) };
            }
            body {
                a .skip href="#content" { "Skip to the content" }
                header .top {
                    a .brand href={ (prefix) "/" } {
                        img src=(icon) alt="" width="28" height="28";
                        "modelarts-exporter"
                    }
                    nav aria-label="Of the exporter" {
                        a href={ (prefix) (metrics) } { "Metrics" }
                        a href={ (prefix) "/config" } { "Configuration" }
                        a href={ (prefix) "/-/ready" } { "Ready" }
                        a href={ (prefix) "/-/healthy" } { "Healthy" }
                    }
                }
                main id="content" { (content) }
                footer {
                    span { "As of " (words::date(now)) }
                    span { "Version " (env!("CARGO_PKG_VERSION")) }
                }
            }
        }
    }
}
