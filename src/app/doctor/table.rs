use std::fmt::Write as _;

use super::facts::Facts;
use super::report::{Check, Report, Status};
use crate::app::terminal::wrap;

/// Between two columns.
const GAP: usize = 2;

/// `FAILED`, `warning` and `skipped` are the longest.
const STATUS_WIDTH: usize = 7;

/// A text column narrower than this is harder to read than lines that are too long.
const LEAST_TEXT: usize = 30;

/// The report as a table for people, no line longer than `width` where its words allow.
pub(super) fn write(report: &Report, width: usize) -> String {
    let mut table = String::new();
    for warning in &report.warnings {
        let _ = writeln!(table, "warning: {warning}");
    }
    for project in &report.projects {
        let _ = writeln!(table, "project {}", project.project);
        let titles = project.checks.iter().map(|check| check.part.title().len()).max();
        let labels = project.checks.iter().map(|check| label(check).chars().count()).max();
        let columns = Columns { title: titles.unwrap_or(0), label: labels.unwrap_or(0), width };
        let mut part = None;
        for check in &project.checks {
            let title = if part == Some(check.part) { "" } else { check.part.title() };
            part = Some(check.part);
            columns.row(&mut table, title, check);
        }
        table.push('\n');
    }
    let count = |status: Status| {
        let checks = report.projects.iter().flat_map(|project| &project.checks);
        checks.filter(|check| check.status == status).count()
    };
    let (failed, warnings, skipped) =
        (count(Status::Failed), count(Status::Warning), count(Status::Skipped));
    let _ = writeln!(table, "{failed} failed, {warnings} with a warning, {skipped} skipped");
    table
}

struct Columns {
    title: usize,
    label: usize,
    width: usize,
}

impl Columns {
    fn row(&self, table: &mut String, title: &str, check: &Check) {
        let gap = " ".repeat(GAP);
        let head = format!(
            "{gap}{title:title_width$}{gap}{label:label_width$}{gap}{word:STATUS_WIDTH$}{gap}",
            title_width = self.title,
            label = label(check),
            label_width = self.label,
            word = check.status.word(),
        );
        let indent = head.chars().count();
        let room = self.width.saturating_sub(indent).max(LEAST_TEXT);
        let mut lines: Vec<String> =
            check.detail.lines().flat_map(|line| wrap(line, room)).collect();
        if let Some(next) = &check.next {
            lines.extend(wrap(&format!("next: {next}"), room));
        }
        for (at, line) in lines.iter().enumerate() {
            let before = if at == 0 { head.as_str() } else { &" ".repeat(indent) };
            let _ = writeln!(table, "{before}{line}");
        }
    }
}

/// What a check is called; a job by its id.
fn label(check: &Check) -> &str {
    match &check.facts {
        Facts::Job { job_id, .. } => job_id,
        _ => check.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::{Checks, Part};

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut checks = Checks::default();
        let (detail, next) =
            ("one word after the other ".repeat(9), "do this, then that ".repeat(9));
        checks.fail(Part::Permissions, "credentials", detail, next, Facts::None);
        let report = Report {
            ok: false,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            projects: vec![checks.of("p")],
        };
        for width in [72, 100, 160] {
            let table = write(&report, width);
            let widest = table.lines().map(|line| line.chars().count()).max();
            assert!(widest.is_some_and(|widest| widest <= width && widest > width - 20), "{table}");
        }
    }
}
