use std::fmt;
use std::str::FromStr;

/// Where and how we serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At least one.
    pub listen_addresses: Vec<ListenAddress>,
    /// The path of the exposition, `/metrics`.
    pub telemetry_path: String,
    /// Put before every path; empty, or starts with `/` and does not end with one.
    pub route_prefix: String,
    /// Requests answered at once; more get 503.
    pub max_requests: usize,
    /// Whether `/-/reload` may be asked for.
    pub enable_lifecycle: bool,
    /// Whether `/config` is shown to clients beyond loopback, too.
    pub enable_config: bool,
}

/// `host:port` as Go's exporters write it: `:10977` is every address of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address without brackets; `None` is every address.
    pub host: Option<String>,
    /// 0 lets the system choose.
    pub port: u16,
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) =
            text.rsplit_once(':').ok_or("expected \"host:port\", such as \"127.0.0.1:10977\"")?;
        let port = port.parse().map_err(|_| "the port is not a number from 0 to 65535")?;
        let host = match host.strip_prefix('[') {
            Some(inner) => {
                inner.strip_suffix(']').ok_or("the bracket of the address is not closed")?
            }
            None if host.contains(':') => {
                return Err("an IPv6 address belongs in brackets: \"[::1]:10977\"");
            }
            None => host,
        };
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_deref() {
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{}:{}", host.unwrap_or_default(), self.port),
        }
    }
}
