use maud::{DOCTYPE, html};

use super::Settings;

/// Where pages find their style sheet, after the route prefix.
pub(super) const STYLE_PATH: &str = "/style.css";

/// The style sheet: a file of its own, so that no page needs inline style.
pub(super) const STYLE: &str = include_str!("style.css");

/// The page at `/`: what this is and where to look.
pub(super) fn page(settings: &Settings) -> String {
    let prefix = settings.route_prefix.as_str();
    let links = [
        (settings.telemetry_path.as_str(), "what Prometheus scrapes"),
        ("/-/healthy", "200 while the process lives"),
        ("/-/ready", "200 once there is something worth scraping"),
        ("/config", "the configuration in use, without secrets"),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "modelarts-exporter" }
                link rel="stylesheet" href={ (prefix) (STYLE_PATH) };
            }
            body {
                main {
                    h1 { "modelarts-exporter" }
                    p .version { "Version " (env!("CARGO_PKG_VERSION")) }
                    p {
                        "Training jobs of ModelArts on Huawei Cloud and Open Telekom Cloud, "
                        "as Prometheus metrics."
                    }
                    ul {
                        @for (path, meaning) in links {
                            li {
                                a href={ (prefix) (path) } { code { (prefix) (path) } }
                                span { (meaning) }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}
