//! One pair of the table on a stage of its own: how it is set, how the fault begins, and how it ends.

use std::fmt::Write as _;
use std::path::Path;

use tempfile::TempDir;

use super::matrix::{Call, Cell, Row, Shown, Trouble};
use crate::harness::{Accident, Authority, Cloud, Identity, Relay, Setup, dns, secrets};

/// Shown instead of the password until the fault is over: a refusal holds the project until then.
const WRONG: &str = "S3CR3T-wrong";

/// Who issues certificates, and the file that says so.
pub(super) struct Trust {
    authority: Authority,
    pub(super) folder: TempDir,
}

impl Trust {
    pub(super) fn new() -> Self {
        let (authority, folder) = (Authority::new("private"), TempDir::new().unwrap());
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { authority, folder }
    }

    fn show(&self, shown: Shown) -> Identity {
        match shown {
            Shown::Expired => self.authority.issue_expired(),
            Shown::OfAnotherHost => self.authority.issue(&[dns("elsewhere.example")]),
            Shown::SelfMade => Identity::self_made(),
            Shown::OfAStranger => Authority::new("stranger").issue_server(),
        }
    }
}

/// A row in one call: the project of that name, its cloud, and the job that is struck beside a well one.
pub(super) struct Stage {
    pub(super) row: &'static Row,
    pub(super) call: Call,
    pub(super) cell: Cell,
    cloud: Cloud,
    relay: Option<Relay>,
    pub(super) struck: String,
    pub(super) well: String,
}

impl Stage {
    pub(super) async fn set(row: &'static Row, call: Call, trust: &Trust) -> Self {
        let cloud = Cloud::empty().await;
        let struck = cloud.add_in(call.api(), "struck", "").await;
        let well = cloud.add_in(call.api(), "well", "").await;
        if call == Call::V2Detail {
            let hidden = "\"fault\": \"not_found\", \"on\": \"list\"";
            cloud.fault(&format!("{hidden}, \"job_id\": \"{struck}\"")).await;
        }
        let relay = match row.trouble {
            Trouble::Simulator(_) => None,
            Trouble::Network(_) => Some(Relay::to(&cloud)),
            Trouble::Certificate(_) => {
                Some(Relay::with_tls(&cloud, &trust.authority.issue_server()))
            }
        };
        Self { row, call, cell: row.cell(call), cloud, relay, struck, well }
    }

    /// Its project in the configuration.
    pub(super) fn project(&self, folder: &Path) -> String {
        let password = self.password_file(folder);
        std::fs::write(&password, if self.is_held() { WRONG } else { secrets::PASSWORD }).unwrap();
        let auth = format!("password_file = \"{}\"\nproject_name = \"demo\"", password.display());
        let ca_file = format!("ca_file = \"{}\"", folder.join("ca.pem").display());
        let is_tls = matches!(self.row.trouble, Trouble::Certificate(_));
        let setup =
            Setup { auth: &auth, project: if is_tls { &ca_file } else { "" }, ..Setup::new() }
                .with_api(self.row.name, self.call.api(), [&self.struck, &self.well]);
        match (&self.relay, self.call) {
            (None, _) => setup.projects_at(&self.cloud, &self.cloud),
            (Some(relay), Call::Token) => setup.projects_at(&self.cloud, relay),
            (Some(relay), _) => setup.projects_at(relay, &self.cloud),
        }
    }

    fn password_file(&self, folder: &Path) -> std::path::PathBuf {
        folder.join(self.row.name)
    }

    /// The credentials were refused: nobody shows them again until they change.
    pub(super) fn is_held(&self) -> bool {
        self.call == Call::Token && matches!(self.reason(), Some("unauthorized" | "forbidden"))
    }

    /// What befalls it comes from the way, not from the cloud.
    pub(super) fn has_relay(&self) -> bool {
        self.relay.is_some()
    }

    pub(super) fn reason(&self) -> Option<&'static str> {
        match self.cell {
            Cell::Fails(reason) | Cell::FailsWhole(reason) => Some(reason.as_str()),
            Cell::Shows(_) | Cell::Cannot(_) => None,
        }
    }

    pub(super) async fn begin(&self, trust: &Trust) {
        match (self.row.trouble, &self.relay) {
            (Trouble::Simulator(value), _) => {
                let (name, on) = (self.row.name, self.call.as_str());
                let mut fault = format!("\"fault\": \"{name}\", \"on\": \"{on}\"");
                if let Some(value) = value {
                    let _ = write!(fault, ", \"value\": {value}");
                }
                if self.call.is_about_a_job() {
                    let _ = write!(fault, ", \"job_id\": \"{}\"", self.struck);
                }
                self.cloud.fault(&fault).await;
            }
            (Trouble::Network(kind), Some(relay)) => {
                relay.suffer(Some(Accident { kind, on: self.call.path(&self.struck) }));
            }
            (Trouble::Certificate(shown), Some(relay)) => relay.show(&trust.show(shown)),
            (_, None) => unreachable!("the network's troubles have a relay"),
        }
        if self.call == Call::Detail {
            // A version's own document is read once: it takes a new one to have it asked for.
            self.cloud.add("struck").await;
        }
    }

    pub(super) async fn end(&self, trust: &Trust) {
        match (self.row.trouble, &self.relay) {
            (Trouble::Network(_), Some(relay)) => relay.suffer(None),
            (Trouble::Certificate(_), Some(relay)) => relay.show(&trust.authority.issue_server()),
            _ => self.cloud.heal().await,
        }
        if self.is_held() {
            let password = self.password_file(trust.folder.path());
            std::fs::write(password, secrets::PASSWORD).unwrap();
        }
    }
}
