//! `system_metric_list`: the arrays, and `interval`, always 1 minute, which is not needed.

use crate::cloud::samples::Samples;
use crate::cloud::wire::Reader;
use crate::model::Usage;

/// Reduces the arrays to the newest sample and the whole run.
///
/// v1 pads with "0" before the first and after the last sample. It is judged for the index, never
/// for one array: a living container never uses zero memory, while a GPU at zero beside memory in
/// use is the sample that matters. Where memory has no element, all arrays must be zero.
pub(super) fn read(samples: &Samples, reader: &mut Reader) -> Usage {
    let range = samples.range(|at| match samples.memory().at(at) {
        Some(memory) => memory == 0.0,
        None => samples.is_zero(at),
    });
    Usage { tasks: vec![samples.read(String::new(), range, reader)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::samples::MOST_MINUTES;
    use crate::cloud::wire::Limits;
    use crate::cloud::{Fault, Misread};
    use crate::model::{MeanMax, Summary, TaskUsage, UsageSample};

    fn usage(json: &str) -> (TaskUsage, Vec<Misread>) {
        let mut reader =
            Reader::new(Limits { label_length: 128, classes: 9, extra_metrics: 9, tasks: 9 });
        let document = match serde_json::from_str(json).unwrap() {
            crate::cloud::wire::Lenient::Taken(document) => document,
            other => panic!("{other:?}"),
        };
        let usage = read(&document, &mut reader);
        (usage.tasks.into_iter().next().unwrap(), reader.misreads)
    }

    /// The seven minutes of a finished job in a published tutorial's shape, with other values.
    const FINISHED: &str = r#"{"cpuUsage":["0","0","18.50","23.00","32.00","39.00","0"],
        "memUsage":["0","0","1.00","2.00","3.00","4.00","0"],"gpuUtil":["0","0","0.50","9.50","32.00","52.00","0"],
        "interval":1,"recvBytesRate":["0","0","10.25","0.00","7","5770405.50","0"]}"#;

    #[test]
    fn padding_is_cut_at_both_ends_and_the_newest_sample_is_the_last_real_one() {
        let (task, misreads) = usage(FINISHED);
        assert_eq!(task.samples, 4);
        assert_eq!(task.newest.gpu, Some(0.52));
        assert_eq!(task.newest.memory, Some(0.04));
        assert_eq!(task.newest.network_receive, Some(5_770_405.5));
        assert_eq!(task.newest.gpu_memory, None, "an absent array is no zero");
        assert_eq!(task.whole_run.memory, Some(MeanMax { mean: 0.025, max: 0.04 }));
        assert_eq!(misreads, []);
    }

    #[test]
    fn an_idle_gpu_beside_memory_in_use_is_a_sample() {
        let json = r#"{"memUsage":["0","5.00","5.00"],"gpuUtil":["0","90.00","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.gpu), (2, Some(0.0)));
        assert_eq!(task.whole_run.gpu, Some(MeanMax { mean: 0.45, max: 0.9 }));
    }

    #[test]
    fn zero_memory_between_samples_is_no_padding() {
        let json = r#"{"memUsage":["0","5","0","5","0","0"],"cpuUsage":["0","1","2","3","9","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.cpu), (3, Some(0.03)));
    }

    #[test]
    fn without_memory_every_array_must_be_zero() {
        let json = r#"{"cpuUsage":["0","1","0","0"],"gpuUtil":["0","0","7","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.cpu, task.newest.gpu), (2, Some(0.0), Some(0.07)));
    }

    #[test]
    fn only_padding_is_no_sample() {
        let (task, misreads) = usage(r#"{"memUsage":["0","0"],"cpuUsage":["1.5","0"]}"#);
        assert_eq!(
            (task.samples, task.newest, task.whole_run),
            (0, UsageSample::default(), Summary::default())
        );
        assert_eq!(misreads, []);
    }

    #[test]
    fn one_bad_element_costs_that_element() {
        let json = r#"{"memUsage":[1,2,3,4,5,6],"cpuUsage":["x","NaN",{},null,101,50],"gpuUtil":{"a":1},"diskReadRate":[0,0,0,0,0,-1]}"#;
        let (task, mut misreads) = usage(json);
        misreads.sort();
        assert_eq!(task.samples, 6);
        assert_eq!(task.newest.cpu, Some(0.5));
        assert_eq!(task.newest.disk_read, None);
        assert_eq!(
            misreads.iter().map(|m| (m.field, m.fault)).collect::<Vec<_>>(),
            [
                ("cpuUsage", Fault::WrongType),
                ("cpuUsage", Fault::NotANumber),
                ("cpuUsage", Fault::NotFinite),
                ("cpuUsage", Fault::OutOfRange),
                ("diskReadRate", Fault::OutOfRange),
                ("gpuUtil", Fault::WrongType),
            ]
        );
    }

    #[test]
    fn an_array_of_more_minutes_than_any_run_has_is_left_out() {
        let minutes = vec!["5"; MOST_MINUTES].join(",");
        let json = format!(r#"{{"memUsage":[{minutes}],"cpuUsage":[{minutes},5]}}"#);
        let (task, misreads) = usage(&json);
        assert_eq!((task.samples, task.newest.cpu), (MOST_MINUTES as u64, None));
        assert_eq!(misreads, [Misread { field: "cpuUsage", fault: Fault::TooLong }]);
    }

    #[test]
    fn another_minute_changes_the_fingerprint_and_more_padding_does_not() {
        let print = |json| usage(json).0.fingerprint;
        let two = print(r#"{"memUsage":["0","5","6"]}"#);
        assert_eq!(two, print(r#"{"memUsage":["0","0","5","6","0"]}"#));
        assert_ne!(two, print(r#"{"memUsage":["0","5","6","6"]}"#));
        assert_ne!(two, print(r#"{"memUsage":["0","5","7"]}"#));
    }
}
