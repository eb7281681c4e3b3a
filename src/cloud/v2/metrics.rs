//! The use that one task makes of its machine (OTC: "Querying the Running Metrics of a Specified Task in
//! a Training Job").

use crate::cloud::samples::{Samples, Series};
use crate::cloud::v2::answer::{check_code, parse};
use crate::cloud::wire::{Limits, List, OwnedScalar, Reader, document};
use crate::cloud::{Error, Fault, Reading};
use crate::model::TaskUsage;

/// Arrays in one answer; six are documented. It bounds what the two bytes of an element may become in
/// memory.
const MOST_METRICS: usize = 64;

/// What stands for a sample that is not there: before the container runs, and throughout for hardware
/// that the flavour lacks.
const MISSING: f64 = -1.0;

document! {
    struct MetricsDocument {
        metrics: List<MetricDocument, MOST_METRICS> = "metrics",
        error_code: OwnedScalar = "error_code",
        error_msg: OwnedScalar = "error_msg",
    }
}

document! {
    /// One array, a sample a minute. Their order differs between the documents' samples.
    struct MetricDocument {
        name: OwnedScalar = "metric",
        value: Series = "value",
    }
}

/// Reads the answer about a task. One without a body says that there are no samples yet; so does a
/// refusal that came as HTTP 200.
pub(super) fn read(body: &[u8], task: &str, limits: Limits) -> Result<Reading<TaskUsage>, Error> {
    let mut reader = Reader::new(limits);
    let samples = match read_samples(body, &mut reader) {
        Err(Error::TooEarly(_)) => Samples::default(),
        samples => samples?,
    };
    let range = samples.range(|at| samples.is_blank(at));
    let content = samples.read(task.to_owned(), range, &mut reader);
    Ok(Reading { content, misreads: reader.misreads })
}

fn read_samples(body: &[u8], reader: &mut Reader) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    if body.trim_ascii().is_empty() {
        return Ok(samples);
    }
    let answer: MetricsDocument = parse(body)?;
    check_code(&answer.error_code, &answer.error_msg, reader)?;
    let List { items, wrong, beyond } = answer.metrics;
    let Some(metrics) = items else {
        return Err(Error::Malformed("no list of metrics".to_owned()));
    };
    if beyond > 0 {
        return Err(Error::Malformed(format!("more than {MOST_METRICS} metrics")));
    }
    for _ in 0..wrong {
        reader.misread("metrics", Fault::WrongType);
    }
    for MetricDocument { name, value } in metrics {
        let name = reader.label("metric", &name.0);
        match samples.share_mut(&name) {
            Some(series) => *series = value.without(MISSING),
            None if name.is_empty() => reader.misread("metric", Fault::Missing),
            None => reader.misread("metric", Fault::Unknown),
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::{Misread, hostile};
    use crate::model::{MeanMax, Summary, UsageSample};

    const LIMITS: Limits = Limits { label_length: 128, classes: 9, extra_metrics: 9, tasks: 9 };

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(
            body in hostile::answers(&[hostile::TASK_METRICS, hostile::REFUSALS[1]]),
        ) {
            if let Ok(reading) = read(&body, "worker-0", LIMITS) {
                let newest = reading.content.newest;
                for share in [newest.cpu, newest.memory, newest.gpu, newest.npu].into_iter().flatten() {
                    prop_assert!((0.0..=1.0).contains(&share), "{}", share);
                }
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, "worker-0", LIMITS)));
    }

    fn task(body: &str) -> (TaskUsage, Vec<Misread>) {
        let reading = read(body.as_bytes(), "worker-0", LIMITS).unwrap();
        (reading.content, reading.misreads)
    }

    #[test]
    fn what_is_documented_is_read_and_hardware_that_is_not_there_is_not() {
        let (task, misreads) = task(hostile::TASK_METRICS);
        assert_eq!((&*task.task, task.samples), ("worker-0", 3));
        assert_eq!((task.newest.cpu, task.newest.memory), (Some(0.0712), Some(0.03)));
        assert_eq!((task.newest.npu, task.newest.gpu), (Some(0.5), None));
        assert_eq!(task.whole_run.memory, Some(MeanMax { mean: 0.02, max: 0.03 }));
        assert_eq!((task.whole_run.gpu, task.newest.disk_read), (None, None));
        assert_eq!(misreads, []);
    }

    #[test]
    fn before_the_first_sample_there_is_a_task_without_any() {
        let refused = r#"{"error_code":"ModelArts.2777","error_msg":"NotReadyToFetchMetric"}"#;
        let all_missing = r#"{"metrics":[{"metric":"cpuUsage","value":[-1,-1.0,"-1"]}]}"#;
        for body in ["", " \n", r#"{"metrics":[]}"#, refused, all_missing] {
            let (task, misreads) = task(body);
            assert_eq!((&*task.task, task.samples, misreads), ("worker-0", 0, vec![]), "{body}");
            assert_eq!((task.newest, task.whole_run), Default::default(), "{body}");
        }
    }

    #[test]
    fn arrays_of_different_lengths_in_any_order_are_told_apart_by_name() {
        let (task, misreads) = task(
            r#"{"metrics":[{"value":[-1,10,20,30],"metric":"memUsage"},{"metric":"powerUsage","value":[1]},
            {"metric":"cpuUsage","value":["50",60]},{"metric":"npuUtil","value":null},{"value":[5]},7]}"#,
        );
        assert_eq!((task.samples, task.newest.memory, task.newest.cpu), (4, Some(0.3), None));
        assert_eq!(task.whole_run.cpu, Some(MeanMax { mean: 0.55, max: 0.6 }));
        let wanted = [
            Misread { field: "metrics", fault: Fault::WrongType },
            Misread { field: "metric", fault: Fault::Unknown },
            Misread { field: "metric", fault: Fault::Missing },
        ];
        assert_eq!(misreads, wanted);
    }

    #[test]
    fn only_minus_one_is_missing() {
        let (task, misreads) =
            task(r#"{"metrics":[{"metric":"cpuUsage","value":[-0.5,-2,101,"x",0]}]}"#);
        assert_eq!((task.samples, task.newest.cpu), (4, Some(0.0)));
        let out_of_range = Misread { field: "cpuUsage", fault: Fault::OutOfRange };
        let no_number = Misread { field: "cpuUsage", fault: Fault::NotANumber };
        assert_eq!(misreads, [no_number, out_of_range, out_of_range, out_of_range]);
    }

    #[test]
    fn five_weeks_of_minutes_are_read() {
        let minutes = vec!["42.5"; 50_000].join(",");
        let body = format!(r#"{{"metrics":[{{"metric":"cpuUsage","value":[-1,{minutes}]}}]}}"#);
        let (task, misreads) = task(&body);
        assert_eq!((task.samples, task.newest.cpu, misreads), (50_000, Some(0.425), vec![]));
    }

    #[test]
    fn what_is_no_answer_about_metrics_is_an_error() {
        let many = format!(r#"{{"metrics":[{}{{}}]}}"#, "{},".repeat(MOST_METRICS));
        for body in ["{}", "[]", r#"{"metrics":null}"#, r#"{"metrics":"none"}"#, &many] {
            let error = read(body.as_bytes(), "worker-0", LIMITS).unwrap_err();
            assert_eq!(error.reason(), "malformed", "{body}");
        }
        let refused = br#"{"error_code":"ModelArts.2955","error_msg":"ExtServiceAOM"}"#;
        assert_eq!(read(refused, "worker-0", LIMITS).unwrap_err().reason(), "rejected");
    }

    #[test]
    fn a_bare_word_costs_itself_alone() {
        let (task, misreads) = task(r#"{"metrics":[{"metric":"cpuUsage","value":[NaN,5]}]}"#);
        assert_eq!(
            (task.samples, task.newest),
            (1, UsageSample { cpu: Some(0.05), ..UsageSample::default() })
        );
        assert_eq!(task.whole_run.cpu, Some(MeanMax { mean: 0.05, max: 0.05 }));
        assert_eq!(task.whole_run, Summary { cpu: task.whole_run.cpu, ..Summary::default() });
        assert_eq!(misreads, [Misread { field: "cpuUsage", fault: Fault::NotFinite }]);
    }
}
