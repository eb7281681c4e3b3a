use crate::own::{self, Reading, Series, Value};

/// The exporter's own counters, as they stand now.
pub(super) struct Figures(Vec<Reading>);

impl Figures {
    pub(super) fn read(own: &own::Metrics) -> Self {
        Self(own.read())
    }

    /// The value of a family without labels.
    pub(super) fn of(&self, name: &str) -> Option<f64> {
        self.series(name).find_map(number)
    }

    /// The value of a family for one project.
    pub(super) fn of_project(&self, name: &str, project: &str) -> Option<f64> {
        self.series(name)
            .filter(|series| label(series, "project") == Some(project))
            .find_map(number)
    }

    /// The values of a family that are not 0, by what this label says.
    pub(super) fn by(&self, name: &str, by: &str, project: &str) -> Vec<(&str, f64)> {
        let series = self.series(name);
        let series =
            series.filter(|series| label(series, "project").is_none_or(|it| it == project));
        let values = series.filter_map(|series| Some((label(series, by)?, number(series)?)));
        values.filter(|(_, value)| *value != 0.0).collect()
    }

    fn series(&self, name: &str) -> impl Iterator<Item = &Series> {
        self.0.iter().filter(move |reading| reading.family.name == name).flat_map(|it| &it.series)
    }
}

fn label<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    series.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
}

fn number(series: &Series) -> Option<f64> {
    match series.value {
        Value::Number(number) => Some(number),
        Value::Histogram { .. } => None,
    }
}
