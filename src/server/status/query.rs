//! What of the jobs is asked for, and in which order: the form above the table, as a URL has it.

use url::form_urlencoded;

use crate::model::Status;

/// A question about the jobs. What cannot be understood is left out: it is a page for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// Is part of the name, or of the id; upper and lower case are the same.
    pub(super) text: String,
    pub(super) project: String,
    pub(super) status: Option<Status>,
    pub(super) sort: Sort,
    /// Against the order in which it is usually looked at.
    pub(super) reversed: bool,
    /// From 1 on.
    pub(super) page: usize,
}

/// What jobs are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// What may need somebody first, and of that the newest.
    #[default]
    Status,
    Name,
    /// The longest first.
    Running,
    /// The least first: what is not used is what costs.
    Use,
    /// The worst first.
    Quality,
    /// The newest first.
    Created,
    /// What was heard of longest ago first.
    Seen,
}

impl Sort {
    pub(super) const ALL: [Self; 7] = [
        Self::Status,
        Self::Name,
        Self::Running,
        Self::Use,
        Self::Quality,
        Self::Created,
        Self::Seen,
    ];

    /// Its word in URLs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Name => "name",
            Self::Running => "running",
            Self::Use => "use",
            Self::Quality => "quality",
            Self::Created => "created",
            Self::Seen => "seen",
        }
    }

    /// Its words in the form.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Status => "needs attention",
            Self::Name => "name",
            Self::Running => "longest running",
            Self::Use => "least used",
            Self::Quality => "lowest quality",
            Self::Created => "newest",
            Self::Seen => "longest unseen",
        }
    }
}

/// Longer than any name: what a URL holds beyond it is no question.
const LONGEST_TEXT: usize = 256;

impl Query {
    /// Reads the query of a URL, percent-encoded and without its question mark.
    pub(super) fn parse(query: &str) -> Self {
        let mut asked = Self { page: 1, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "q" => asked.text = value.trim().chars().take(LONGEST_TEXT).collect(),
                "project" => asked.project = value.into_owned(),
                "status" => {
                    asked.status = Status::ALL.into_iter().find(|it| it.as_str() == value);
                }
                "sort" => {
                    let sort = Sort::ALL.into_iter().find(|sort| sort.as_str() == value);
                    asked.sort = sort.unwrap_or_default();
                }
                "order" => asked.reversed = value == "reversed",
                "page" => asked.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        asked
    }

    /// Where the answer is, for whoever is on a page of the same folder.
    pub(super) fn link(&self) -> String {
        let mut link = form_urlencoded::Serializer::new(String::new());
        let mut add = |name, value: &str| {
            if !value.is_empty() {
                link.append_pair(name, value);
            }
        };
        add("q", &self.text);
        add("project", &self.project);
        add("status", self.status.map_or("", Status::as_str));
        add("sort", if self.sort == Sort::default() { "" } else { self.sort.as_str() });
        add("order", if self.reversed { "reversed" } else { "" });
        if self.page > 1 {
            add("page", &self.page.to_string());
        }
        format!("?{}", link.finish())
    }

    /// The same question about another page.
    pub(super) fn on_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }

    /// Whether some jobs are left out.
    pub(super) fn is_narrow(&self) -> bool {
        !self.text.is_empty() || !self.project.is_empty() || self.status.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_after_a_round_through_a_url() {
        for text in [
            "",
            "q=a+b%26%3Cscript%3E&status=failed&sort=use&order=reversed&page=7",
            "project=a%2Fb&sort=name",
        ] {
            let query = Query::parse(text);
            let link = query.link();
            assert_eq!(Query::parse(&link[1..]), query, "{link}");
        }
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let odd = Query::parse("status=broken&sort=%00&page=-1&page=x&order=up&x=1&&=");
        assert_eq!(odd, Query { page: 1, ..Query::default() });
        assert!(!odd.is_narrow() && odd.link() == "?");
        assert_eq!(Query::parse("page=0").page, 1);
        assert_eq!(Query::parse(&format!("q={}", "x".repeat(9_999))).text.len(), LONGEST_TEXT);
    }
}
