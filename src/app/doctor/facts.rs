use serde::Serialize;

/// What a check found. Times are RFC 3339, durations seconds.
#[derive(Debug, Default, Serialize)]
#[serde(untagged)]
pub(super) enum Facts {
    #[default]
    None,
    Proxy {
        url: String,
        source: &'static str,
    },
    Dns {
        host: String,
        addresses: Vec<String>,
        seconds: f64,
    },
    Tcp {
        address: String,
        seconds: f64,
    },
    Tls {
        version: String,
        trusted: bool,
        chain: Vec<Link>,
        seconds: f64,
    },
    Clock {
        ahead_seconds: i64,
    },
    Credentials {
        method: &'static str,
        expires: Option<String>,
    },
    Scope {
        project_id: Option<String>,
        configured_project_id: Option<String>,
    },
    Permission {
        action: &'static str,
    },
    Discovery {
        listed: usize,
        admitted: usize,
    },
    Job {
        job_id: String,
        name: Option<String>,
        versions: Option<u64>,
        newest_version: Option<String>,
        newest_status: Option<&'static str>,
    },
    Budget {
        jobs: usize,
        /// To poll each of them once.
        requests_per_round: usize,
        requests_per_minute_needed: f64,
        /// `None`: unlimited.
        requests_per_minute_allowed: Option<u32>,
        interval_seconds: f64,
        list_interval_seconds: f64,
    },
}

/// One certificate of a chain.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) begins: String,
    pub(super) ends: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_facts_are_those_that_are_documented() {
        let documented = include_str!("../../../docs/operations.md");
        let link = || Link {
            subject: String::new(),
            issuer: String::new(),
            begins: String::new(),
            ends: String::new(),
        };
        let text = String::new;
        let facts = [
            Facts::Proxy { url: text(), source: "environment" },
            Facts::Dns { host: text(), addresses: Vec::new(), seconds: 0.0 },
            Facts::Tcp { address: text(), seconds: 0.0 },
            Facts::Tls { version: text(), trusted: true, chain: vec![link()], seconds: 0.0 },
            Facts::Clock { ahead_seconds: 0 },
            Facts::Credentials { method: "password", expires: None },
            Facts::Scope { project_id: None, configured_project_id: None },
            Facts::Permission { action: "a" },
            Facts::Discovery { listed: 0, admitted: 0 },
            Facts::Job {
                job_id: text(),
                name: None,
                versions: None,
                newest_version: None,
                newest_status: None,
            },
            Facts::Budget {
                jobs: 0,
                requests_per_round: 0,
                requests_per_minute_needed: 0.0,
                requests_per_minute_allowed: None,
                interval_seconds: 0.0,
                list_interval_seconds: 0.0,
            },
        ];
        let written = serde_json::to_string(&facts).unwrap();
        insta::assert_snapshot!(written, @r#"[{"url":"","source":"environment"},{"host":"","addresses":[],"seconds":0.0},{"address":"","seconds":0.0},{"version":"","trusted":true,"chain":[{"subject":"","issuer":"","begins":"","ends":""}],"seconds":0.0},{"ahead_seconds":0},{"method":"password","expires":null},{"project_id":null,"configured_project_id":null},{"action":"a"},{"listed":0,"admitted":0},{"job_id":"","name":null,"versions":null,"newest_version":null,"newest_status":null},{"jobs":0,"requests_per_round":0,"requests_per_minute_needed":0.0,"requests_per_minute_allowed":null,"interval_seconds":0.0,"list_interval_seconds":0.0}]"#);
        let keys = written.split("\":").filter_map(|before| before.rsplit('"').next());
        for key in keys.filter(|key| !key.ends_with(['}', ']'])) {
            assert!(documented.contains(&format!("`{key}`")), "{key} is not documented");
        }
    }
}
