//! Quota families.

use crate::metrics::Sink;
use crate::metrics::catalogue::{QUOTA_LIMIT, QUOTA_USED};
use crate::model::Quota;

/// What the cloud grants a project, after [`of_runs`](crate::metrics::of_runs).
pub fn of_quotas(project: &str, quotas: &[Quota], sink: &mut dyn Sink) {
    let mut show = |family, value: fn(&Quota) -> Option<f64>| {
        for quota in quotas {
            if let Some(value) = value(quota) {
                sink.sample(family, &[("project", project), ("resource", &quota.resource)], value);
            }
        }
    };
    show(QUOTA_USED, |quota| quota.used);
    show(QUOTA_LIMIT, |quota| quota.limit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::lines::Lines;

    #[test]
    fn each_resource_shows_what_is_known_of_it() {
        let quota =
            |resource: &str, used, limit| Quota { resource: resource.to_owned(), limit, used };
        let quotas = [quota("job-num", Some(25.0), Some(10_000.0)), quota("npu", Some(0.0), None)];
        let mut lines = Lines::default();
        of_quotas("p", &quotas, &mut lines);
        insta::assert_snapshot!(lines.0, @r#"
        modelarts_quota_used{project="p",resource="job-num"} 25
        modelarts_quota_used{project="p",resource="npu"} 0
        modelarts_quota_limit{project="p",resource="job-num"} 10000
        "#);
    }
}
