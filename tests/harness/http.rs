use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderMap;
use reqwest::{Client, Method, Response};

use super::secrets;

/// One request of a test; the longest thing anybody asks for is a scrape of a large fleet.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body as text.
    pub(crate) text: String,
    headers: HeaderMap,
}

impl Answer {
    /// A header as text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A server at `http://host:port`.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    url: String,
    /// It is ours, and no secret may be in what it says.
    is_searched: bool,
}

impl Site {
    /// The server behind this URL; a trailing slash makes no difference.
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), is_searched: false }
    }

    /// The same for a server of ours: every answer is searched for secrets.
    pub(crate) fn searched(url: &str) -> Self {
        Self { is_searched: true, ..Self::new(url) }
    }

    /// Fails the test if it says a secret.
    pub(crate) fn search(&self, path: &str, text: &str) {
        if self.is_searched {
            secrets::search(path, text);
        }
    }

    /// The URL without a trailing slash.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// GET; `Err` says why there was no answer.
    pub(crate) async fn try_get(&self, path: &str) -> Result<Answer, String> {
        self.send(Method::GET, path, &[], None).await
    }

    /// GET, which has to be answered.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// GET with headers, which has to be answered.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, None).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// DELETE with headers, which has to be answered.
    pub(crate) async fn delete_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::DELETE, path, headers, None).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// POST of a JSON body, which has to be answered.
    pub(crate) async fn post(&self, path: &str, json: &str) -> Answer {
        let json = Some(json.as_bytes().to_vec());
        self.send(Method::POST, path, &[], json).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// PUT of a body that is said to be JSON, which has to be answered.
    pub(crate) async fn put(&self, path: &str, body: Vec<u8>) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await.unwrap_or_else(|e| panic!("{e}"))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        json: Option<Vec<u8>>,
    ) -> Result<Answer, String> {
        let url = format!("{}{path}", self.url);
        let mut request = client().request(method.clone(), &url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(json) = json {
            request = request.header("Content-Type", "application/json").body(json);
        }
        let response = request.send().await.map_err(|e| format!("{method} {url}: {e:?}"))?;
        let answer = read(response).await.map_err(|e| format!("{method} {url}: {e:?}"))?;
        self.search(path, &answer.text);
        Ok(answer)
    }
}

async fn read(response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Ok(Answer { status, headers, text: response.text().await? })
}

/// A client that goes straight to loopback: no proxy of the environment, no roots of the machine.
///
/// One for each request: a pooled connection must not outlive the runtime of the test that made it.
fn client() -> Client {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        // An error means that another test was first, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(REQUEST_TIMEOUT)
        .build()
        .expect("a client without roots can always be built")
}
