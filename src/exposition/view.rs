use std::collections::BTreeSet;

use url::form_urlencoded;

use crate::own::Reading;

/// The label that says which project a series is of.
const PROJECT: &str = "project";

/// What the standard client libraries say of the process itself.
const PROCESS_PREFIX: &str = "process_";

/// The part of the exposition that a query asks for: `?project=NAME`, `?name[]=FAMILY`, both or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    project: Option<String>,
    /// `None` is all of them.
    families: Option<BTreeSet<String>>,
}

/// A query that can mean two things.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "project is there more than once; ask for each in a request of its own, or for all without it"
)]
pub struct SeveralProjects;

impl View {
    /// Reads the query of a URL, percent-encoded and without its question mark. Parameters that are not
    /// ours are passed over: scrapers and proxies add their own.
    pub fn parse(query: &str) -> Result<Self, SeveralProjects> {
        let mut view = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "project" if view.project.as_deref().is_some_and(|project| project != value) => {
                    return Err(SeveralProjects);
                }
                "project" => view.project = Some(value.into_owned()),
                "name[]" => {
                    view.families.get_or_insert_default().insert(value.into_owned());
                }
                _ => {}
            }
        }
        Ok(view)
    }

    /// Whether nothing is left out.
    pub(super) fn is_whole(&self) -> bool {
        self.project.is_none() && self.families.is_none()
    }

    /// The only project shown, if there is one.
    pub(super) fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Whether a family is shown, by its name in text 0.0.4.
    pub(super) fn shows(&self, family: &str) -> bool {
        self.families.as_ref().is_none_or(|families| families.contains(family))
    }

    /// What is left of one of our own families; `None` where nothing is.
    pub(super) fn of_own(&self, reading: &Reading) -> Option<Reading> {
        let name = reading.family.name;
        let Some(project) = self.project() else {
            return self.shows(name).then(|| reading.clone());
        };
        if !self.shows(name) || name.starts_with(PROCESS_PREFIX) {
            return None;
        }
        let is_shown = |labels: &[(&'static str, String)]| {
            labels.iter().all(|(label, value)| *label != PROJECT || value == project)
        };
        let series: Vec<_> =
            reading.series.iter().filter(|series| is_shown(&series.labels)).cloned().collect();
        (!series.is_empty()).then_some(Reading { family: reading.family, series })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let view = |project: Option<&str>, families: &[&str]| View {
            project: project.map(str::to_owned),
            families: (!families.is_empty())
                .then(|| families.iter().map(|family| (*family).to_owned()).collect()),
        };
        let cases = [
            ("", view(None, &[])),
            ("&&=&x=1&name=a&Project=b", view(None, &[])),
            ("project=vision", view(Some("vision"), &[])),
            ("project=", view(Some(""), &[])),
            ("project=a%20b+c%26", view(Some("a b c&"), &[])),
            ("project=a&project=a", view(Some("a"), &[])),
            ("name[]=up&name%5B%5D=down&name[]=up", view(None, &["up", "down"])),
            ("name[]=", view(None, &[""])),
            ("name[]=%ff%", view(None, &["\u{fffd}%"])),
            ("name[]=up&project=p", view(Some("p"), &["up"])),
        ];
        for (query, want) in cases {
            assert_eq!(View::parse(query), Ok(want), "{query}");
        }
        assert_eq!(View::parse("project=a&project=b"), Err(SeveralProjects));
    }
}
