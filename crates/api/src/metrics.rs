//! What the doors count about themselves: answers and their durations by method, route and status.
//! The routes are those of the table, never raw paths, so the number of counters is bounded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Which answers are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) status: u16,
}

/// How many answers there were and how long they took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) total: Duration,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

/// Counters of the REST door.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: Mutex<BTreeMap<Endpoint, Tally>>,
}

impl Metrics {
    /// Counts one answer.
    pub(crate) fn count(&self, endpoint: Endpoint, took: Duration) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = answers.entry(endpoint).or_insert(Tally {
            count: 0,
            total: Duration::ZERO,
            min: Duration::MAX,
            max: Duration::ZERO,
        });
        tally.count = tally.count.saturating_add(1);
        tally.total = tally.total.saturating_add(took);
        tally.min = tally.min.min(took);
        tally.max = tally.max.max(took);
    }

    /// A copy of all counters.
    pub(crate) fn answers(&self) -> BTreeMap<Endpoint, Tally> {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Tally {
    /// Mean duration of an answer.
    pub(crate) fn mean(&self) -> Duration {
        self.total.div_f64(self.count.max(1) as f64)
    }
}

/// Writes the Prometheus text format, one family after the other.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Starts a family: every following `line` of the same name belongs to it.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"))
    }

    /// One value of the family.
    pub(crate) fn line(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) -> &mut Self {
        self.push(format_args!("{name}"));
        for (index, (label, text)) in labels.iter().enumerate() {
            let opening = if index == 0 { '{' } else { ',' };
            self.push(format_args!("{opening}{label}=\"{}\"", escape(text)));
        }
        let closing = if labels.is_empty() { "" } else { "}" };
        self.push(format_args!("{closing} {value}\n"))
    }

    /// The families of the REST door.
    pub(crate) fn rest(&mut self, metrics: &Metrics) -> &mut Self {
        let answers = metrics.answers();
        type Read = fn(&Tally) -> Duration;
        let min: Read = |tally| tally.min;
        let max: Read = |tally| tally.max;
        let seconds = [
            (
                "rest_responses_avg_duration_seconds",
                "average response duration",
                Tally::mean as Read,
            ),
            (
                "rest_responses_min_duration_seconds",
                "minimum response duration",
                min,
            ),
            (
                "rest_responses_max_duration_seconds",
                "maximum response duration",
                max,
            ),
        ];
        self.family("rest_responses_total", "counter", "total number of responses");
        for (endpoint, tally) in &answers {
            self.answer("rest_responses_total", endpoint, tally.count);
        }
        for (name, help, read) in seconds {
            self.family(name, "gauge", help);
            for (endpoint, tally) in &answers {
                self.answer(name, endpoint, read(tally).as_secs_f64());
            }
        }
        self
    }

    fn answer(&mut self, name: &str, endpoint: &Endpoint, value: impl std::fmt::Display) {
        let status = endpoint.status.to_string();
        let labels = [
            ("method", endpoint.method.as_str()),
            ("endpoint", endpoint.path),
            ("status", &status),
        ];
        self.line(name, &labels, value);
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(text);
        self
    }

    /// The finished page.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Label values are user-written (collection names): quotes, backslashes and line ends are escaped.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_status() {
        let metrics = Metrics::default();
        let endpoint = || Endpoint {
            method: "GET".into(),
            path: "/collections",
            status: 200,
        };
        metrics.count(endpoint(), Duration::from_millis(10));
        metrics.count(endpoint(), Duration::from_millis(30));
        let mut page = Page::default();
        page.rest(&metrics);
        let text = page.into_text();
        for line in [
            "# TYPE rest_responses_total counter",
            "rest_responses_total{method=\"GET\",endpoint=\"/collections\",status=\"200\"} 2",
            "rest_responses_avg_duration_seconds{method=\"GET\",endpoint=\"/collections\",status=\"200\"} 0.02",
            "rest_responses_min_duration_seconds{method=\"GET\",endpoint=\"/collections\",status=\"200\"} 0.01",
            "rest_responses_max_duration_seconds{method=\"GET\",endpoint=\"/collections\",status=\"200\"} 0.03",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.line("points", &[("id", "a\"b\\c\nd")], 1)
            .line("total", &[], 2);
        assert_eq!(page.into_text(), "points{id=\"a\\\"b\\\\c\\nd\"} 1\ntotal 2\n");
    }
}
