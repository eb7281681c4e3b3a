//! The runs of a v2 job: from a start to a setback or to the end, and the nodes that work meanwhile.

use super::{
    super::clock::MINUTE,
    job::Job,
    phase::COMPLETED,
    story::{FIRST_START, Setback},
};

/// Milliseconds in a second: what lies between two points of `node_count_metrics` around a change.
pub(super) const SECOND: i64 = 1000;

/// From a start to the next setback or the end.
#[derive(Clone, Debug)]
pub(super) struct Run<'a> {
    pub(super) start: i64,
    pub(super) start_type: &'static str,
    pub(super) end: Option<i64>,
    /// What ended it, unless the job ended by itself.
    pub(super) setback: Option<&'a Setback>,
    pub(super) completed: bool,
}

impl Job {
    /// Nodes that work at a moment.
    pub(super) fn nodes_running(&self, at: i64) -> u64 {
        let away = self
            .setbacks
            .iter()
            .any(|setback| setback.recovery.is_some_and(|back| setback.at <= at && at < back.at));
        if away || !self.at(at).phase.is_running() { 0 } else { self.total(at, |_| 1) }
    }

    /// No task ran through this minute since the start: there is no valid sample of it.
    pub(super) fn is_down(&self, minute: u64) -> bool {
        let Some(start) = self.steps.iter().find(|step| step.phase.is_running()) else {
            return true;
        };
        let begin = start.at + i64::try_from(minute).unwrap_or(i64::MAX / MINUTE) * MINUTE;
        self.setbacks.iter().any(|setback| {
            setback.recovery.is_some_and(|back| setback.at < begin + MINUTE && begin < back.at)
        })
    }

    /// Its runs so far.
    pub(super) fn runs(&self, now: i64) -> Vec<Run<'_>> {
        let moment = self.at(now);
        let Some(start) = moment.started else { return Vec::new() };
        let mut runs = Vec::new();
        let mut next = Some((start, FIRST_START));
        for setback in self.setbacks.iter().filter(|setback| setback.at <= now) {
            if let Some((start, start_type)) = next.take() {
                let (end, setback) = (Some(setback.at), Some(setback));
                runs.push(Run { start, start_type, end, setback, completed: false });
            }
            let back = setback.recovery.filter(|back| back.at <= now);
            next = back.map(|back| (back.at, back.start_type()));
        }
        if let Some((start, start_type)) = next {
            let completed = moment.phase == COMPLETED;
            runs.push(Run { start, start_type, end: moment.ended, setback: None, completed });
        }
        runs
    }

    /// What it failed of, if it did.
    pub(super) fn failure(&self, now: i64) -> Option<&Setback> {
        let ended = self.at(now).ended.is_some();
        self.setbacks
            .iter()
            .rfind(|setback| setback.at <= now)
            .filter(|setback| ended && setback.recovery.is_none())
    }

    /// `[milliseconds, nodes that run]` around every change, as captured; none before it is scheduled.
    pub(super) fn node_counts(&self, now: i64) -> Option<Vec<(i64, u64)>> {
        let until = self.at(now).ended.unwrap_or(now);
        let scheduled = self.steps.get(1).map(|step| step.at).filter(|at| *at <= now)?;
        let back = self.setbacks.iter().filter_map(|setback| setback.recovery);
        let mut changes: Vec<i64> = self.steps.iter().map(|step| step.at).collect();
        changes.extend(self.setbacks.iter().map(|setback| setback.at));
        changes.extend(back.map(|back| back.at));
        changes.extend(self.resized.map(|(at, _)| at));
        changes.retain(|at| (scheduled..=until).contains(at));
        changes.push(until);
        changes.sort_unstable();
        changes.dedup();
        let mut counts: Vec<(i64, u64)> = Vec::new();
        for at in changes {
            if let Some(&(last, nodes)) = counts.last()
                && at - SECOND > last
            {
                counts.push((at - SECOND, nodes));
            }
            counts.push((at, self.nodes_running(at)));
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::story::Fate, *};

    /// A job that comes back twice in the two hours that it runs.
    fn job() -> (Job, i64) {
        let (created, queue, run) = (1_000_000_000_000, 4 * MINUTE, 120 * MINUTE);
        let job = Job::new(1, 1, "job".to_owned(), created).goes(Fate::Restarts, queue, run);
        (job, created + queue)
    }

    #[test]
    fn each_setback_ends_a_run_and_each_recovery_begins_one() {
        let (job, start) = job();
        let runs = |minute: i64| job.runs(start + minute * MINUTE);
        assert!(runs(-1).is_empty());
        assert_eq!((runs(29).len(), runs(29)[0].end), (1, None));
        // Down: the first run is over, the second one is still to come.
        assert_eq!((runs(31).len(), runs(31)[0].end), (1, Some(start + 30 * MINUTE)));
        assert_eq!(runs(59).len(), 2);
        let all = runs(121);
        let types: Vec<&str> = all.iter().map(|run| run.start_type).collect();
        assert_eq!(types, [FIRST_START, FIRST_START, "restarted"]);
        assert!(all[2].completed && all[2].end == Some(start + 120 * MINUTE));
        assert!(job.failure(start + 121 * MINUTE).is_none());
    }

    #[test]
    fn nodes_are_counted_around_every_change() {
        let (job, start) = job();
        assert_eq!(job.node_counts(job.created), None);
        let counts = job.node_counts(start + 31 * MINUTE).unwrap();
        let scheduled = job.created + MINUTE;
        let down = start + 30 * MINUTE;
        let now = down + MINUTE;
        let wanted = [
            (scheduled, 0),
            (start - SECOND, 0),
            (start, 1),
            (down - SECOND, 1),
            (down, 0),
            (now - SECOND, 0),
            (now, 0),
        ];
        assert_eq!(counts, wanted);
        let minutes_down: Vec<u64> = (0..120).filter(|minute| job.is_down(*minute)).collect();
        assert!(minutes_down.starts_with(&[30, 31]) && minutes_down.ends_with(&[60]));
    }
}
