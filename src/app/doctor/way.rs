use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::{Host, Url};

use super::facts::{Facts, Link};
use super::report::{Checks, Part};
use crate::cloud::probe::{
    Certificate, Distrust, Handshake, Obstacle, ProxyInUse, ProxySource, Sight, Timed, look,
};
use crate::cloud::{Chain, Project, Tls};

/// A clock that is further off than this is worth a word …
const ODD_CLOCK: u64 = 60;

/// … and from here on the gateways refuse signed requests.
const WRONG_CLOCK: u64 = 15 * 60;

/// A certificate that ends within this time should be on somebody's list.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Looks at the way to an endpoint. The error says, after "because", what later steps lack.
pub(super) async fn check(
    checks: &mut Checks,
    part: Part,
    project: &Project,
    endpoint: &Url,
) -> Result<(), String> {
    let sight = look(project, endpoint).await;
    let mut walk = Walk { checks, part, tls: &project.tls, endpoint, broken: None };
    walk.report(&sight);
    match walk.broken {
        None => Ok(()),
        Some(step) => Err(format!("{} cannot be reached: {step} failed", part.title())),
    }
}

/// Turns what was seen into checks, in the order of the steps.
struct Walk<'a> {
    checks: &'a mut Checks,
    part: Part,
    tls: &'a Tls,
    endpoint: &'a Url,
    /// The step that ended the way.
    broken: Option<&'static str>,
}

impl Walk<'_> {
    fn report(&mut self, sight: &Sight) {
        let proxy = sight.proxy.as_ref();
        self.proxy(proxy);
        self.step("dns", sight.dns.as_ref(), name_advice(proxy), |walk, seen| {
            walk.name(proxy, seen);
        });
        self.step("tcp", sight.tcp.as_ref(), connection_advice(proxy), |walk, seen| {
            let whose = if proxy.is_some() { "the proxy " } else { "" };
            let detail = format!("{whose}{}, {}", seen.found, milliseconds(seen.took));
            let address = seen.found.to_string();
            let facts = Facts::Tcp { address, seconds: seen.took.as_secs_f64() };
            walk.checks.ok(walk.part, "tcp", detail, facts);
        });
        if let Some(proxy) = proxy {
            if proxy.url.scheme() == "https" {
                let advice = handshake_advice(sight.proxy_tls.as_ref());
                self.step("proxy tls", sight.proxy_tls.as_ref(), advice, |walk, seen| {
                    walk.handshake("proxy tls", seen);
                });
            }
            if self.is_encrypted() {
                let advice = tunnel_advice(sight.tunnel.as_ref());
                self.step("tunnel", sight.tunnel.as_ref(), advice, |walk, seen| {
                    let host = walk.endpoint.host_str().unwrap_or_default();
                    let detail = format!(
                        "the proxy resolved {host} and connected, {}",
                        milliseconds(seen.took)
                    );
                    walk.checks.ok(walk.part, "tunnel", detail, Facts::None);
                });
            }
        }
        if self.is_encrypted() {
            let advice = handshake_advice(sight.tls.as_ref());
            self.step("tls", sight.tls.as_ref(), advice, |walk, seen| {
                walk.handshake("tls", seen);
            });
        } else {
            self.checks.ok(self.part, "tls", "not used: the endpoint is plain http", Facts::None);
        }
        self.step("clock", sight.clock.as_ref(), ANSWER_ADVICE, |walk, seen| {
            walk.clock(seen.found);
        });
    }

    fn is_encrypted(&self) -> bool {
        self.endpoint.scheme() == "https"
    }

    fn proxy(&mut self, proxy: Option<&ProxyInUse>) {
        let Some(proxy) = proxy else {
            return self.checks.ok(self.part, "proxy", "none", Facts::None);
        };
        let (source, words) = match proxy.source {
            ProxySource::Configuration => ("configuration", "`proxy_url`"),
            ProxySource::Environment => ("environment", "the environment"),
        };
        let url = proxy.url.to_string();
        let detail = format!("{url}, from {words}");
        self.checks.ok(self.part, "proxy", detail, Facts::Proxy { url, source });
    }

    fn name(&mut self, proxy: Option<&ProxyInUse>, seen: &Timed<Vec<SocketAddr>>) {
        let asked = proxy.map_or(self.endpoint, |proxy| &proxy.url);
        let host = asked.host_str().unwrap_or_default().to_owned();
        let addresses: Vec<String> =
            seen.found.iter().map(|address| address.ip().to_string()).collect();
        let whose = if proxy.is_some() { "the proxy " } else { "" };
        let detail = match asked.host() {
            Some(Host::Domain(_)) => {
                format!("{whose}{host} is {}, {}", addresses.join(", "), milliseconds(seen.took))
            }
            _ => format!("{whose}{host} is an address"),
        };
        let facts = Facts::Dns { host, addresses, seconds: seen.took.as_secs_f64() };
        self.checks.ok(self.part, "dns", detail, facts);
    }

    /// One step: not taken, stopped, or what it found.
    fn step<T>(
        &mut self,
        name: &'static str,
        outcome: Option<&Result<Timed<T>, Obstacle>>,
        advice: &str,
        found: impl FnOnce(&mut Self, &Timed<T>),
    ) {
        match (outcome, self.broken) {
            (Some(Ok(seen)), _) => found(self, seen),
            (Some(Err(obstacle)), _) => {
                self.broken = self.broken.or(Some(name));
                let detail = Chain(obstacle).to_string();
                self.checks.fail(self.part, name, detail, advice, Facts::None);
            }
            (None, broken) => {
                let because = format!("{} failed", broken.unwrap_or("an earlier step"));
                self.checks.skip(self.part, name, &because, Facts::None);
            }
        }
    }

    fn handshake(&mut self, name: &'static str, seen: &Timed<Handshake>) {
        let Handshake { version, chain, distrust } = &seen.found;
        let mut detail = format!("{version}, {}", milliseconds(seen.took));
        if let Some(why) = distrust {
            let _ = write!(detail, "; the certificate is not trusted: {why}");
        }
        for certificate in chain {
            let Certificate { subject, issuer, ends, .. } = certificate;
            let _ = write!(detail, "\n{subject}, issued by {issuer}, ends {}", day(*ends));
        }
        let facts = Facts::Tls {
            version: version.clone(),
            trusted: distrust.is_none(),
            chain: chain.iter().map(link).collect(),
            seconds: seen.took.as_secs_f64(),
        };
        let (part, skipped) = (self.part, self.tls.insecure_skip_verify);
        let soon = chain.iter().any(|link| link.ends.duration_since(Timestamp::now()) < ENDS_SOON);
        match distrust {
            Some(_) if skipped => {
                let next =
                    "anybody can pose as the cloud: remove `insecure_skip_verify`, set `ca_file`";
                self.checks.warn(part, name, detail, next, facts);
            }
            Some(why) => {
                self.broken = self.broken.or(Some(name));
                let next = trust_advice(why, chain, self.tls, self.endpoint);
                self.checks.fail(part, name, detail, next, facts);
            }
            None if soon => {
                let next = "a certificate ends within 14 days: see that it is renewed";
                self.checks.warn(part, name, detail, next, facts);
            }
            None => self.checks.ok(part, name, detail, facts),
        }
    }

    fn clock(&mut self, ahead: Option<i64>) {
        let Some(ahead) = ahead else {
            let because = "the answer tells no time";
            return self.checks.skip(self.part, "clock", because, Facts::None);
        };
        let facts = Facts::Clock { ahead_seconds: ahead };
        let (part, name, off) = (self.part, "clock", ahead.unsigned_abs());
        let side = if ahead > 0 { "behind" } else { "ahead of" };
        let next = "set this machine's clock by NTP";
        match off {
            // Both clocks are read to the second.
            0..=1 => self.checks.ok(part, name, "as ours, to the second", facts),
            2..=ODD_CLOCK => {
                let detail = format!("ours is {off} s {side} the cloud's");
                self.checks.ok(part, name, detail, facts);
            }
            _ if off < WRONG_CLOCK => {
                let detail = format!("ours is {off} s {side} the cloud's");
                self.checks.warn(part, name, detail, next, facts);
            }
            _ => {
                let detail = format!(
                    "ours is {off} s {side} the cloud's, which refuses signed requests from 15 minutes on"
                );
                self.checks.fail(part, name, detail, next, facts);
            }
        }
    }
}

const ANSWER_ADVICE: &str = "see that the port speaks HTTP: is the endpoint the cloud's?";

fn name_advice(proxy: Option<&ProxyInUse>) -> &'static str {
    match proxy {
        Some(_) => "correct the proxy's host, or this machine's resolver",
        None => {
            "correct the endpoint's host, or this machine's resolver; where only a proxy resolves names, set `proxy_url`"
        }
    }
}

fn connection_advice(proxy: Option<&ProxyInUse>) -> &'static str {
    match proxy {
        Some(_) => "correct the proxy's host and port, or start it",
        None => {
            "open the way in the firewall, or set `proxy_url`; a refused connection is often a wrong port"
        }
    }
}

fn handshake_advice(outcome: Option<&Result<Timed<Handshake>, Obstacle>>) -> &'static str {
    match outcome {
        Some(Err(Obstacle::Roots(_))) => {
            "install the CA certificates of this machine's system, or set `ca_file`"
        }
        _ => "see that the port speaks TLS, and that nothing on the way cuts it off",
    }
}

fn tunnel_advice(outcome: Option<&Result<Timed<()>, Obstacle>>) -> &'static str {
    match outcome {
        Some(Err(Obstacle::ProxyRefused(407))) => {
            "the proxy wants a user: `proxy_url = \"http://USER:PASSWORD@HOST:PORT\"`"
        }
        Some(Err(Obstacle::ProxyRefused(403))) => "have the proxy allow CONNECT to the endpoint",
        Some(Err(Obstacle::ProxyRefused(500..))) => {
            "the proxy cannot reach the endpoint: correct the endpoint's host and port, or the proxy's own resolver"
        }
        _ => "see that the proxy allows CONNECT to the endpoint",
    }
}

fn trust_advice(why: &Distrust, chain: &[Certificate], tls: &Tls, endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or_default();
    let issuer = chain.last().map_or("its issuer", |last| &*last.issuer);
    match why {
        Distrust::UnknownIssuer { name_fits: true } if tls.ca_pem.is_some() => {
            format!("add the certificate of {issuer} to `ca_file`, which does not hold it")
        }
        Distrust::UnknownIssuer { name_fits: true } => {
            format!("set `ca_file` to the PEM certificate of {issuer}: that cures it")
        }
        Distrust::UnknownIssuer { name_fits: false } => format!(
            "`ca_file` alone does not cure it: the certificate does not name {host} either; correct the endpoint, or have a certificate issued for it"
        ),
        Distrust::Expired => {
            "have the certificate renewed; `ca_file` does not cure it. Is this machine's clock right?"
                .to_owned()
        }
        Distrust::NotYetValid => {
            "is this machine's clock right? `ca_file` does not cure it".to_owned()
        }
        Distrust::WrongName { .. } => format!(
            "correct the endpoint, or have a certificate issued for {host}; `ca_file` does not cure it"
        ),
        Distrust::Authority => {
            "have the server use a certificate that the authority issued; `ca_file` does not cure it"
                .to_owned()
        }
        Distrust::Other(_) => "have the server's certificate replaced".to_owned(),
    }
}

fn link(certificate: &Certificate) -> Link {
    Link {
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        begins: certificate.begins.to_string(),
        ends: certificate.ends.to_string(),
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}
