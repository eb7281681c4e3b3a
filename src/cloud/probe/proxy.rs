use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{ProxyInUse, ProxySource, host, port};
use crate::cloud::Project;

/// The proxy on the way to an endpoint. Deliberately without `Debug`: it knows its password.
pub(super) struct Proxy {
    url: Url,
    source: ProxySource,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The proxy the client would use: the project's own, or the environment's, by the same rules.
    pub(super) fn of(project: &Project, endpoint: &Url) -> Option<Self> {
        let (matcher, source) = match &project.proxy_url {
            Some(url) => {
                (Matcher::builder().all(url.expose_secret()).build(), ProxySource::Configuration)
            }
            None => (Matcher::from_system(), ProxySource::Environment),
        };
        let target: Uri = endpoint.as_str().parse().ok()?;
        let intercept = matcher.intercept(&target)?;
        let mut url = Url::parse(&intercept.uri().to_string()).ok()?;
        // The matcher has taken the user part out already; nobody shall depend on that.
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(Self { url, source, authorization: intercept.basic_auth().cloned() })
    }

    /// Scheme, host and port; the user part is kept apart.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// What goes into `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// What may be shown of it.
    pub(super) fn in_use(&self) -> ProxyInUse {
        ProxyInUse { url: self.url.clone(), source: self.source }
    }
}

/// `host:port`, as `CONNECT` and `Host` want it.
pub(super) fn authority(url: &Url) -> String {
    let host = host(url);
    if host.contains(':') {
        format!("[{host}]:{}", port(url))
    } else {
        format!("{host}:{}", port(url))
    }
}
