//! One column of the table played: a project for each row, each before a cloud of its own, and one more
//! project that nothing befalls; all of them in one exporter.

use super::expected::OVER;
use super::matrix::{Call, Cell, ROWS};
use super::stage::{Stage, Trust};
use crate::harness::{Cloud, Daemon, Finished, PATIENCE, Scrape, Setup, wait_for};

/// A poll a second. The timeout is one that a busy machine does not reach by itself.
const POLL: &str = "interval = \"1s\"\npending_interval = \"1s\"\nlist_interval = \"1s\"\ntimeout = \"3s\"\nmax_staleness = \"5m\"\nrequests_per_minute = 0";

/// Everything is searched for secrets, so everything is to be said.
const TABLES: &str = "[log]\nlevel = \"trace\"\n[limits]\nanswer_bytes = \"1MiB\"";

/// The project that nothing befalls.
const OTHER: &str = "other";

/// Plays every row that the call has, all at once.
pub(super) async fn play(call: Call) {
    let trust = Trust::new();
    let mut stages = Vec::new();
    for row in ROWS.iter().filter(|row| !matches!(row.cell(call), Cell::Cannot(_))) {
        stages.push(Stage::set(row, call, &trust).await);
    }
    let other = Cloud::empty().await;
    let untouched = other.add_in(call.api(), "untouched", "").await;
    let setup = Setup { poll: POLL, tables: TABLES, ..Setup::of([]) };
    let mut file = setup.head();
    for stage in &stages {
        file += &stage.project(trust.folder.path());
    }
    let setup = Setup::new().with_api(OTHER, call.api(), [&untouched]);
    file += &setup.projects_at(&other, &other);

    // A token lasts a day: only one that is still to come can be spoiled.
    let from_the_start = call == Call::Token;
    if from_the_start {
        for stage in &stages {
            stage.begin(&trust).await;
        }
    }
    let daemon = Daemon::start(&file).await;
    if !from_the_start {
        let well: Vec<_> =
            stages.iter().flat_map(|stage| stage.is_well(stage.first_version())).collect();
        daemon.shows(&well).await;
        for stage in &stages {
            stage.begin(&trust).await;
        }
    }
    let struck: Vec<_> = stages.iter().flat_map(Stage::is_struck).collect();
    let broken = daemon.shows(&struck).await;
    only_known_reasons(&stages, &broken);
    goes_on(&daemon, &stages, &broken).await;

    for stage in &stages {
        stage.end(&trust).await;
    }
    let healed = daemon.scrape().await;
    let well: Vec<_> = stages.iter().flat_map(|stage| stage.is_well(stage.version())).collect();
    let after = daemon.shows(&well).await;
    for stage in &stages {
        // The next poll after the fault is good: only those under way could still fail. What waits for
        // a token waits for the end of the hold.
        let under_way = if call == Call::Token { f64::INFINITY } else { 2.0 };
        let late = stage.spoiled(&after) - stage.spoiled(&healed);
        assert!(late <= under_way, "{}: {late} polls failed afterwards", stage.row.name);
    }
    // A list that comes again shows nothing new of the jobs.
    wait_for(PATIENCE, "the log to say that all is over", async || {
        let log = daemon.log();
        let on = |stage: &&Stage| stage.reason().is_some() && stage.lines(&log, &OVER).is_empty();
        let on: Vec<_> = stages.iter().filter(on).map(|stage| stage.row.name).collect();
        if on.is_empty() { Ok(()) } else { Err(on.join(" ")) }
    })
    .await;
    let Finished { stderr: log, .. } = daemon.stop().await;
    // No library beside us says it again and again.
    assert!(!log.contains("level=error"), "{log}");
    for stage in &stages {
        stage.was_said(&log);
    }
}

/// Calls of one project that a relay may end when it changes its ways: of two jobs, and the list.
const UNDER_WAY: f64 = 3.0;

/// A fault is counted as what it is and as nothing else, and in its own project.
fn only_known_reasons(stages: &[Stage], scrape: &Scrape) {
    for stage in stages {
        let name = stage.row.name;
        for series in
            scrape.find(&format!("modelarts_exporter_api_errors_total{{project=\"{name}\"}}"))
        {
            let is_known = match stage.reason() {
                Some(reason) => series.labels.contains(&("reason".to_owned(), reason.to_owned())),
                None => {
                    stage.is_struck().iter().any(|line| line.contains("reason=\"unauthorized\""))
                }
            };
            let was_cut_off = stage.has_relay()
                && series.label("reason") == "unreachable"
                && series.value <= UNDER_WAY;
            assert!(is_known || was_cut_off, "{name}: {series:?}");
        }
    }
}

/// The other project knows of nothing, and the well jobs are polled on.
async fn goes_on(daemon: &Daemon, stages: &[Stage], broken: &Scrape) {
    let labels = format!("project=\"{OTHER}\"");
    let of_other = [
        format!("modelarts_up{{{labels}}} == 1"),
        format!("modelarts_job_poll_success{{{labels}}} == 1"),
        format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
        format!("modelarts_exporter_polls_total{{{labels},result=\"failed\"}} == 0"),
        format!("modelarts_exporter_polls_total{{{labels},result=\"partial\"}} == 0"),
        format!("modelarts_exporter_api_errors_total{{{labels}}} absent"),
    ];
    assert_eq!(broken.unmet(&of_other), Vec::<String>::new());
    let last = "modelarts_job_poll_last_success_timestamp_seconds";
    let mut newer = vec![format!("{last}{{{labels}}}")];
    for stage in stages {
        let well_fails = matches!(stage.cell, Cell::FailsWhole(_)) || stage.call == Call::Token;
        if !well_fails {
            newer.push(stage.of_well(&format!("{last}{{{{well}}}}")));
        }
    }
    let newer: Vec<_> =
        newer.iter().map(|series| format!("{series} > {}", broken.get(series).unwrap())).collect();
    let later = daemon.shows(&newer).await;
    assert_eq!(later.unmet(&of_other), Vec::<String>::new());
}
