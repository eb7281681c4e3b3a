//! The table: every fault, and what the exporter makes of it in each call.

use modelarts_exporter::model::Api;
use modelarts_exporter::own::Reason;
use modelarts_exporter::own::Reason::{
    ApiRetired, BadRequest, Forbidden, Malformed, NotFound, Rejected, ServerError, Throttled,
    Timeout, TooLarge, Unauthorized, Unreachable,
};

use crate::harness::Kind;

/// What is asked of the cloud. A token is asked for in the same way whatever it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    Token,
    List,
    Versions,
    Detail,
    /// Its items are whole jobs.
    V2List,
    /// Of a job that the list does not show: the others are not asked about.
    V2Detail,
    V2Metrics,
}

impl Call {
    pub(super) const ALL: [Self; 7] = [
        Self::Token,
        Self::List,
        Self::Versions,
        Self::Detail,
        Self::V2List,
        Self::V2Detail,
        Self::V2Metrics,
    ];

    /// The API of the jobs that are looked at.
    pub(super) fn api(self) -> Api {
        match self {
            Self::Token | Self::List | Self::Versions | Self::Detail => Api::V1,
            Self::V2List | Self::V2Detail | Self::V2Metrics => Api::V2,
        }
    }

    /// As the label `operation` and the simulator have it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List | Self::V2List => "list",
            Self::Versions => "versions",
            Self::Detail | Self::V2Detail => "detail",
            Self::V2Metrics => "metrics",
        }
    }

    /// It is about one job.
    pub(super) fn is_about_a_job(self) -> bool {
        !matches!(self, Self::Token | Self::List | Self::V2List)
    }

    /// What the first line of such a request holds, about that job where it is about one.
    pub(super) fn path(self, job: &str) -> String {
        match self {
            Self::Token => "/v3/auth/tokens".to_owned(),
            Self::List => "/training-jobs?".to_owned(),
            Self::Versions => format!("/{job}/versions?"),
            Self::Detail => format!("/{job}/versions/"),
            Self::V2List => "/training-job-searches".to_owned(),
            Self::V2Detail => format!("/training-jobs/{job} "),
            Self::V2Metrics => format!("/{job}/metrics/"),
        }
    }
}

/// A fault and its cells, in the order of [`Call::ALL`].
pub(super) struct Row {
    /// The simulator's name of the fault, or ours.
    pub(super) name: &'static str,
    pub(super) trouble: Trouble,
    cells: Cells,
}

impl Row {
    pub(super) fn cell(&self, call: Call) -> Cell {
        self.cells[call as usize]
    }
}

/// Who makes the trouble.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// The simulator, with this value where the fault has one.
    Simulator(Option<u64>),
    /// The network before it.
    Network(Kind),
    /// The certificate before it.
    Certificate(Shown),
}

/// A certificate that nobody should trust.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    Expired,
    OfAnotherHost,
    SelfMade,
    /// Issued by an authority that `ca_file` does not hold.
    OfAStranger,
}

/// What comes of a fault in one call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    /// The call brings nothing, and is counted with this reason.
    Fails(Reason),
    /// The same, and so does every other call of the project.
    FailsWhole(Reason),
    /// The call brings something, and this shows: expectations with `{project}` for the
    /// project's labels, `{job}` for the struck job's and `{version}` for its newest version's.
    Shows(&'static [&'static str]),
    /// There is no such pair, because of this.
    Cannot(&'static str),
}
use Cell::{Cannot, Fails, FailsWhole, Shows};

type Cells = [Cell; Call::ALL.len()];

/// The same in every call.
const fn all(cell: Cell) -> Cells {
    [cell; Call::ALL.len()]
}

/// The first cell is the token's.
const fn cells(v1: [Cell; 4], v2: [Cell; 3]) -> Cells {
    let ([token, list, versions, detail], [v2_list, v2_detail, v2_metrics]) = (v1, v2);
    [token, list, versions, detail, v2_list, v2_detail, v2_metrics]
}

const fn simulated(name: &'static str, value: Option<u64>, cells: Cells) -> Row {
    Row { name, trouble: Trouble::Simulator(value), cells }
}

const fn network(name: &'static str, kind: Kind, cells: Cells) -> Row {
    Row { name, trouble: Trouble::Network(kind), cells }
}

const fn certificate(name: &'static str, shown: Shown) -> Row {
    Row { name, trouble: Trouble::Certificate(shown), cells: of_connections(Reason::Tls) }
}

/// Longer than any timeout here, in milliseconds.
const LONG: Option<u64> = Some(60_000);

const NO_JOB: Cell = Cannot("a token is about no job");
const NO_PAGES: Cell = Cannot("the answer has no pages");
const CONNECTION: Cell =
    Cannot("a connection that does not come about is nobody's call: the job's own has its row");

/// The token comes over a connection of its own.
const fn of_connections(reason: Reason) -> Cells {
    let of_all = FailsWhole(reason);
    cells([Fails(reason), CONNECTION, of_all, CONNECTION], [CONNECTION, of_all, CONNECTION])
}

/// The token is renewed and the call repeated; nobody fails.
const RENEWED: Cell = Shows(&[
    "modelarts_exporter_api_retries_total{{project}} > 0",
    "modelarts_exporter_api_errors_total{{project},reason=\"unauthorized\"} > 0",
    "modelarts_job_poll_success{{job}} == 1",
]);

/// One job with one version has one page of each: a page that repeats itself brings nothing new.
const ALL_THE_SAME: Cell = Shows(&[
    "modelarts_job_poll_success{{job}} == 1",
    "modelarts_job_status{{version},status=\"running\"} == 1",
    "modelarts_exporter_api_errors_total{{project}} absent",
]);

/// Whatever the list leaves out: what is asked by name is there.
const ASKED_BY_NAME: Cell = Shows(&[
    "modelarts_job_poll_success{{job}} == 1",
    "modelarts_job_status{{version},status=\"running\"} == 1",
]);

/// What could be read is shown.
const MISREAD: Cell = Shows(&[
    "modelarts_job_poll_success{{job}} == 1",
    "modelarts_job_status{{version},status=\"running\"} == 1",
    "modelarts_job_info{{version},job_name=\"struck\",flavor=\"\"} == 1",
    "modelarts_exporter_decode_errors_total{{project},field=\"flavor_code\",reason=\"wrong_type\"} == 1",
]);

const PAGES: Cells =
    cells([NO_JOB, ALL_THE_SAME, ALL_THE_SAME, NO_PAGES], [ALL_THE_SAME, NO_PAGES, NO_PAGES]);

const RENAMED: Cell = Shows(&[
    "modelarts_job_poll_success{{job}} == 1",
    "modelarts_job_status{{version},job_name=\"struck-renamed\",status=\"running\"} == 1",
    "modelarts_job_status{{version},job_name=\"struck\"} absent",
]);

/// Every fault of the simulator, then what befalls connections and certificates.
pub(super) const ROWS: &[Row] = &[
    simulated("latency", LONG, all(Fails(Timeout))),
    simulated("slow_body", LONG, all(Fails(Timeout))),
    simulated("hang", None, all(Fails(Timeout))),
    simulated("reset", None, all(Fails(Unreachable))),
    simulated("throttle", Some(1), all(Fails(Throttled))),
    simulated("server_error", None, all(Fails(ServerError))),
    simulated("html", None, all(Fails(ServerError))),
    simulated("truncated", None, all(Fails(Malformed))),
    simulated(
        "wrong_types",
        None,
        cells(
            [Fails(Malformed), Fails(Malformed), Fails(Malformed), MISREAD],
            [Fails(Malformed); 3],
        ),
    ),
    simulated("huge", Some(2_000_000), all(Fails(TooLarge))),
    // IAM knows no such answer: HTTP 200 without a token.
    simulated(
        "rejected",
        None,
        cells(
            [Fails(Malformed), Fails(Rejected), Fails(Rejected), Fails(Rejected)],
            [Fails(Rejected); 3],
        ),
    ),
    simulated(
        "not_found",
        None,
        cells(
            [NO_JOB, ASKED_BY_NAME, Fails(NotFound), Fails(NotFound)],
            [ASKED_BY_NAME, Fails(NotFound), Fails(NotFound)],
        ),
    ),
    simulated("retired", None, all(Fails(ApiRetired))),
    simulated("unauthorized", None, all(Fails(Unauthorized))),
    simulated(
        "expired_token",
        None,
        cells(
            [Cannot("a request for a token brings none"), RENEWED, RENEWED, RENEWED],
            [RENEWED; 3],
        ),
    ),
    simulated("forbidden", None, all(Fails(Forbidden))),
    simulated("skewed_clock", Some(172_800), all(Fails(Unauthorized))),
    simulated("duplicate_page", None, PAGES),
    simulated("skipped_page", None, PAGES),
    simulated("endless_pages", None, PAGES),
    // In v1 the versions say what a job is called.
    simulated("renamed", None, {
        let v1 = [NO_JOB, ALL_THE_SAME, RENAMED, ALL_THE_SAME];
        cells(v1, [RENAMED, RENAMED, Cannot("metrics have no name of their job")])
    }),
    network("refused", Kind::Refuse, of_connections(Unreachable)),
    network("closed", Kind::Close, all(Fails(Unreachable))),
    network("cut", Kind::Cut(40), all(Fails(Unreachable))),
    network("swallowed", Kind::Swallow, all(Fails(Timeout))),
    network("no_http", Kind::Say("SSH-2.0-OpenSSH_9.9\r\n"), all(Fails(Unreachable))),
    network("redirect", Kind::Say(REDIRECT), all(Fails(BadRequest))),
    network("portal", Kind::Say(PORTAL), all(Fails(Malformed))),
    network("not_here", Kind::Say(NOT_HERE), all(Fails(BadRequest))),
    network("busy", Kind::Say(BUSY), all(Fails(Throttled))),
    network("bad_gzip", Kind::Say(BAD_GZIP), all(Fails(Malformed))),
    certificate("expired", Shown::Expired),
    certificate("another_host", Shown::OfAnotherHost),
    certificate("self_made", Shown::SelfMade),
    certificate("stranger", Shown::OfAStranger),
];

/// Followed, it would end as `unreachable`, and would have carried the token away.
const REDIRECT: &str = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A hotel's.
const PORTAL: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>Welcome</html>";

/// A proxy's.
const NOT_HERE: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>404</html>";

/// A gateway's, with as little as it may say.
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Said to be packed, and is not.
const BAD_GZIP: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nX-Subject-Token: none\r\nConnection: close\r\n\r\n{\"is_success\": true}";

mod completeness {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use modelarts_exporter::simulator::Fault;

    use super::*;

    /// Reasons that are in no cell, and the test that brings each about.
    const ELSEWHERE: [(Reason, &str, &str); 2] = [
        (Reason::Dns, "tests/faults.rs", "a_name_without_an_address"),
        (Reason::Internal, "src/schedule", "a_poll_that_panics"),
    ];

    #[test]
    fn every_fault_of_the_simulator_has_a_row() {
        let rows: BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(rows.len(), ROWS.len(), "a name stands twice");
        for fault in Fault::ALL {
            assert!(rows.contains(fault.as_str()), "{}", fault.as_str());
        }
    }

    #[test]
    fn a_pair_that_cannot_be_says_why() {
        for (row, call) in ROWS.iter().flat_map(|row| Call::ALL.map(|call| (row, call))) {
            if let Cannot(why) = row.cell(call) {
                assert!(why.split(' ').count() > 3, "{} {call:?}: {why:?}", row.name);
            }
        }
    }

    #[test]
    fn every_reason_is_brought_about() {
        let in_cell = |reason| {
            ROWS.iter()
                .flat_map(|row| row.cells)
                .any(|cell| matches!(cell, Fails(found) | FailsWhole(found) if found == reason))
        };
        for reason in Reason::ALL {
            let elsewhere = ELSEWHERE.iter().find(|(known, ..)| *known == reason);
            assert_ne!(in_cell(reason), elsewhere.is_some(), "{}", reason.as_str());
        }
        for (_, place, test) in ELSEWHERE {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
            let found = sources(&path).iter().any(|source| source.contains(&format!("fn {test}")));
            assert!(found, "{place} has no {test}");
        }
    }

    #[test]
    fn the_reference_names_every_reason_and_no_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let page = fs::read_to_string(path).unwrap();
        let (_, section) = page.split_once("## Reasons").unwrap();
        let named: Vec<_> = section
            .lines()
            .skip_while(|line| !line.starts_with("| `"))
            .map_while(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(named, Reason::ALL.map(Reason::as_str));
    }

    fn sources(path: &Path) -> Vec<String> {
        if path.is_file() {
            return vec![fs::read_to_string(path).unwrap()];
        }
        fs::read_dir(path).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect()
    }
}
