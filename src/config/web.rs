//! Addresses, URLs and paths as operators write them.

use url::Url;

use super::kind::{Parsed, Typed};
use super::mistake::Refusal;
use crate::server::ListenAddress;

/// Paths of our own, which the metrics may not hide. `/` is the status page.
const OWN_PATHS: [&str; 5] = ["/-", "/jobs", "/config", "/style.css", "/icon.svg"];

fn parse_web_url(text: &str) -> Result<Url, Refusal> {
    const REMEDY: &str = "write it like \"https://host\"";
    let url = Url::parse(text).map_err(|_| Refusal::new("is not a URL", REMEDY))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Refusal::new("is not an http or https URL", REMEDY));
    }
    Ok(url)
}

pub(super) fn parse_url(text: &str) -> Result<Url, Refusal> {
    let url = parse_web_url(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::new("has a user part", "credentials belong under [projects.auth]"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Refusal::new("has a query or a fragment", "end it after the path"));
    }
    Ok(url)
}

pub(super) fn parse_proxy(text: &str) -> Parsed {
    // Kept as text and as a secret: a proxy's user part is one.
    parse_web_url(text).map(|_| Typed::Secret(text.into()))
}

pub(super) fn parse_addresses(words: &[String]) -> Parsed {
    let mut addresses: Vec<ListenAddress> = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let address: ListenAddress = word
            .parse()
            .map_err(|reason| Refusal::new(format!("address {}: {reason}", index + 1), ""))?;
        if address.port != 0 && addresses.contains(&address) {
            return Err(Refusal::new(format!("address {} is there twice", index + 1), ""));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(Refusal::new("is an empty list", "name at least one address"));
    }
    Ok(Typed::Addresses(addresses))
}

/// Bytes that mean themselves in a URL's path.
fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\"<>\\^`{|}".contains(&byte))
}

pub(super) fn parse_telemetry_path(text: &str) -> Parsed {
    if !is_url_path(text) {
        return Err(Refusal::new("is not a path", "start it with \"/\", as in \"/metrics\""));
    }
    let is_below = |own: &&str| {
        text.strip_prefix(*own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if text == "/" || OWN_PATHS.iter().any(is_below) {
        return Err(Refusal::new("is taken by another page", "use a path such as \"/metrics\""));
    }
    Ok(Typed::Text(text.to_owned()))
}

/// `/` and a slash at the end say nothing, as in Prometheus.
pub(super) fn parse_route_prefix(text: &str) -> Parsed {
    let prefix = text.trim_end_matches('/');
    if !prefix.is_empty() && !is_url_path(prefix) || prefix.is_empty() && text.len() > 1 {
        return Err(Refusal::new("is not a path", "start it with \"/\", as in \"/modelarts\""));
    }
    Ok(Typed::Text(prefix.to_owned()))
}
