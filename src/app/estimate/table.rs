use std::fmt::Write as _;

use super::report::{Estimate, Estimated, Jobs, Report, Requests, Sample, Saved, Saving, Series};
use crate::app::terminal::wrap;

/// The widest of the words before the lines.
const LABEL_WIDTH: usize = 8;

/// Columns of numbers: jobs, series, bytes, requests.
const NUMBER_WIDTHS: [usize; 4] = [6, 9, 11, 13];

/// The report as a table for people, no line longer than `width` where its words allow.
pub(super) fn write(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for project in &report.projects {
        write_project(&mut text, project, width);
        text.push('\n');
    }
    let total = &report.total;
    let mut lines = Lines { text: &mut text, width };
    lines.heading("in all");
    lines.line(
        "scrape",
        &format!(
            "{} series, {}, {} in gzip, beside what the exporter says of itself",
            total.scrape.series,
            size(total.scrape.bytes as f64),
            size(total.scrape.gzip_bytes as f64),
        ),
    );
    lines.line("limit", &limit(total.scrape.series, total.series_limit));
    lines.line("requests", &format!("{:.1} a minute", total.requests_per_minute));
    lines.line("memory", &format!("at most about {}", size(total.memory_bytes)));
    text
}

fn write_project(text: &mut String, project: &Estimated, width: usize) {
    let mut lines = Lines { text, width };
    lines.heading(&format!("project {}", project.project));
    if let Some(error) = &project.error {
        lines.line("FAILED", error);
        lines.line("", "next: `doctor` looks at each step on the way to the cloud");
    }
    let Some(estimate) = &project.estimate else { return };
    let Estimate { jobs, sample, series, scrape, requests, savings } = estimate;
    lines.line("jobs", &listed(jobs));
    lines.line("", &followed(jobs));
    lines.line("", &asked(sample));
    lines.line("series", &by_part(scrape.series, series));
    let (bytes, packed) = (size(scrape.bytes as f64), size(scrape.gzip_bytes as f64));
    lines.line("scrape", &format!("{bytes}, {packed} in gzip"));
    lines.line("requests", &by_class(requests));
    lines.line("interval", &interval(requests));
    write_savings(text, savings, width);
}

struct Lines<'a> {
    text: &'a mut String,
    width: usize,
}

impl Lines<'_> {
    fn heading(&mut self, heading: &str) {
        let _ = writeln!(self.text, "{heading}");
    }

    fn line(&mut self, label: &str, words: &str) {
        let indent = LABEL_WIDTH + 4;
        for (at, line) in wrap(words, self.width.saturating_sub(indent)).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let _ = writeln!(self.text, "  {label:LABEL_WIDTH$}  {line}");
        }
    }
}

fn listed(jobs: &Jobs) -> String {
    match (&jobs.list_error, jobs.listed) {
        (Some(error), _) => format!(
            "the list may not be read, so that only jobs of the file are known: {error}; in IAM, grant the user modelarts:trainJob:list"
        ),
        (None, None) => "none listed".to_owned(),
        (None, Some(count)) => {
            let more = if jobs.list_complete { "" } else { "more than " };
            let by_status: Vec<_> =
                jobs.by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
            let colon = if by_status.is_empty() { "" } else { ": " };
            format!("{more}{count} in the list{colon}{}", by_status.join(", "))
        }
    }
}

fn followed(jobs: &Jobs) -> String {
    let Jobs { named, found, unknown, versions, .. } = jobs;
    let unknown = if *unknown > 0 {
        format!("; the cloud does not know {unknown} of them")
    } else {
        String::new()
    };
    format!(
        "{} followed: {named} of the file, {found} found; {versions} versions shown{unknown}",
        named + found
    )
}

fn asked(sample: &Sample) -> String {
    let Sample { asked, stood_in, ended_by } = sample;
    let others = match stood_in {
        0 => String::new(),
        others => format!("; the other {others} are taken to be like those of the same status"),
    };
    let ended_by = ended_by.as_ref().map(|error| format!("; then no more, because of: {error}"));
    format!("{asked} asked about{others}{}", ended_by.unwrap_or_default())
}

fn by_part(sum: usize, series: &Series) -> String {
    let Series { jobs, usage, quality, classes, outcomes } = series;
    format!(
        "{sum}: {jobs} of jobs, {usage} of usage, {quality} of quality, {classes} of classes, {outcomes} of outcomes"
    )
}

fn by_class(requests: &Requests) -> String {
    let Requests { per_minute, running, waiting, ended, unknown, list, quotas, .. } = requests;
    let of = match requests.per_minute_allowed {
        None => "without a limit".to_owned(),
        Some(allowed) => format!("of {allowed}"),
    };
    let classes =
        [("running", running), ("waiting", waiting), ("ended", ended), ("unknown", unknown)];
    let mut parts: Vec<_> = classes
        .iter()
        .filter(|(_, requests)| **requests > 0.0)
        .map(|(class, requests)| format!("{requests:.1} for {class} jobs"))
        .collect();
    parts.push(format!("{list:.1} for the list"));
    if *quotas > 0.0 {
        parts.push(format!("{quotas:.1} for quotas"));
    }
    format!("{per_minute:.1} a minute {of}: {}", parts.join(", "))
}

fn limit(series: usize, limit: usize) -> String {
    match series.checked_sub(limit) {
        None | Some(0) => format!("`limits.series` has room for {limit} series"),
        Some(over) => format!(
            "`limits.series` has room for {limit} series, and {over} would give way; raise it to {series}, or filter"
        ),
    }
}

fn interval(requests: &Requests) -> String {
    let Requests { per_minute, configured_interval_seconds: configured, interval_seconds, .. } =
        requests;
    if interval_seconds <= configured {
        return format!("{configured:.0} s between two polls of a job that runs, as configured");
    }
    format!(
        "{interval_seconds:.0} s between two polls of a job that runs instead of {configured:.0} s, for the budget is too small; raise `poll.requests_per_minute` to {:.0}, or `poll.interval`",
        per_minute.ceil()
    )
}

/// Each filter with what it saves, in columns; those that are set first.
fn write_savings(text: &mut String, savings: &[Saving], width: usize) {
    let numbers: usize = NUMBER_WIDTHS.iter().sum();
    let room = width.saturating_sub(numbers + 4);
    for (is_set, heading) in [(true, "saved by"), (false, "could be saved by")] {
        let mut savings = savings.iter().filter(|saving| saving.is_set == is_set).peekable();
        if savings.peek().is_some() {
            row(
                text,
                &[heading.to_owned()],
                room + 2,
                &["jobs", "series", "bytes", "requests/min"].map(str::to_owned),
            );
        }
        for Saving { key, value, saves, .. } in savings {
            let Saved { jobs, series, bytes, requests_per_minute } = saves;
            // No minus before what is nothing.
            let requests = format!("{:.1}", requests_per_minute + 0.0);
            let numbers = [jobs.to_string(), series.to_string(), bytes.to_string(), requests];
            let lines: Vec<_> = wrap(&format!("{key} = {value}"), room)
                .iter()
                .map(|line| format!("  {line}"))
                .collect();
            row(text, &lines, room + 2, &numbers);
        }
    }
}

fn row(text: &mut String, lines: &[String], room: usize, numbers: &[String; 4]) {
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            let _ = writeln!(text, "  {line}");
            continue;
        }
        let _ = write!(text, "  {line:room$}");
        for (number, width) in numbers.iter().zip(NUMBER_WIDTHS) {
            let _ = write!(text, "{number:>width$}");
        }
        text.push('\n');
    }
}

/// A number of bytes in three digits or so.
fn size(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} bytes"),
        ..1e6 => format!("{:.1} kB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_stretches_is_said_with_what_would_mend_it() {
        let requests = Requests {
            per_minute: 130.5,
            per_minute_allowed: Some(60),
            running: 120.0,
            waiting: 7.5,
            ended: 0.0,
            unknown: 0.0,
            list: 3.0,
            quotas: 0.0,
            configured_interval_seconds: 60.0,
            interval_seconds: 133.2,
            list_interval_seconds: 61.0,
        };
        insta::assert_snapshot!(by_class(&requests), @"130.5 a minute of 60: 120.0 for running jobs, 7.5 for waiting jobs, 3.0 for the list");
        insta::assert_snapshot!(interval(&requests), @"133 s between two polls of a job that runs instead of 60 s, for the budget is too small; raise `poll.requests_per_minute` to 131, or `poll.interval`");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_columns_stand_below_each_other() {
        let saves = Saved {
            jobs: -20_000,
            series: 1_000_000,
            bytes: -99_999_999,
            requests_per_minute: -0.0,
        };
        let saving = |is_set| Saving {
            key: "discovery.name_regex",
            value: "\"some pattern that is long\" ".repeat(5),
            is_set,
            saves,
        };
        for width in [72, 100, 160] {
            let mut text = String::new();
            write_savings(&mut text, &[saving(false), saving(true)], width);
            let is_numbered =
                |line: &&str| line.ends_with("requests/min") || line.ends_with(" 0.0");
            let numbered: Vec<_> = text.lines().filter(is_numbered).map(str::len).collect();
            assert_eq!(numbered, [width; 4], "{text}");
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
            assert!(text.starts_with("  saved by"), "what is set comes first: {text}");
        }
    }

    #[test]
    fn a_limit_that_does_not_suffice_is_said_with_what_would() {
        assert_eq!(limit(7, 7), "`limits.series` has room for 7 series");
        insta::assert_snapshot!(limit(1200, 1000), @"`limits.series` has room for 1000 series, and 200 would give way; raise it to 1200, or filter");
    }

    #[test]
    fn sizes_have_few_digits() {
        let sizes = [0.0, 999.0, 1_000.0, 858_412.0, 12_345_678.0, 2.5e9].map(size);
        assert_eq!(sizes, ["0 bytes", "999 bytes", "1.0 kB", "858.4 kB", "12.3 MB", "2.5 GB"]);
    }
}
