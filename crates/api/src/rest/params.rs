//! What may stand in the path and behind the question mark: names, ids, and the few query parameters.
//! Every handler gets them decoded and checked.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use kindred::Ctx;
use kindred_model::config::collection_name;
use kindred_model::error::{Check, Validate};
use kindred_model::id::PointId;
use kindred_model::limits::{READ_TIMEOUT_S, TIMEOUT_S_MAX};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::status::{Part, Refusal};

/// The values of a route's path parameters, percent-decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct PathParams(Vec<(String, String)>);

impl PathParams {
    /// Reads what the router matched, and checks the collection's name if there is one.
    pub(crate) async fn read(parts: &mut Parts) -> Result<Self, Refusal> {
        let raw = RawPathParams::from_request_parts(parts, &())
            .await
            .map_err(|error| {
                Refusal::bare(format!(
                    "Deserialize error in path parameters: {}",
                    error.body_text()
                ))
            })?;
        let params = Self(
            raw.iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        );
        if let Some(name) = params.find("collection_name") {
            collection_name(name).map_err(|invalid| Refusal::invalid(Part::Path, &invalid))?;
        }
        Ok(params)
    }

    fn find(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The parameter of this name, which the route's path must have.
    pub(crate) fn named(&self, key: &str) -> &str {
        self.find(key).unwrap_or_default()
    }

    /// The point id in the path.
    pub(crate) fn point_id(&self) -> Result<PointId, Refusal> {
        let text = self.named("id");
        PointId::from_str(text)
            .map_err(|_| Refusal::bare(format!("Can not recognize \"{text}\" as point id")))
    }
}

/// A set of query parameters that a route takes.
pub(crate) trait Params: DeserializeOwned + Validate + JsonSchema + Send + 'static {
    /// How long the whole request may take; `None` is no limit.
    fn time_limit(&self) -> Option<Duration> {
        None
    }

    /// The context that the engine's work runs under; its time starts now.
    fn ctx(&self) -> Ctx {
        self.time_limit().map_or_else(Ctx::unlimited, Ctx::with_timeout)
    }

    /// Whether the work may be given up when the caller goes away.
    const IS_CANCELLABLE: bool = false;

    /// How long the caller of a change waits, from the head of the request on, before the answer is
    /// `wait_timeout`; `None` waits for the end.
    fn wait_limit(&self) -> Option<Duration> {
        None
    }
}

/// Reads and checks the query string.
pub(crate) fn read_query<P: Params>(uri: &Uri) -> Result<P, Refusal> {
    let Query(params) = Query::<P>::try_from_uri(uri).map_err(|rejection: QueryRejection| {
        let reason = std::error::Error::source(&rejection).map(ToString::to_string);
        let reason = reason.unwrap_or_else(|| rejection.body_text());
        Refusal::bare(format!("Deserialize error in query parameters: {reason}"))
    })?;
    Check::all("", &params).map_err(|invalid| Refusal::invalid(Part::Query, &invalid))?;
    Ok(params)
}

fn check_timeout(check: &mut Check, timeout: Option<u64>) {
    if let Some(timeout) = timeout {
        check.at_least("timeout", timeout, 1);
    }
}

fn seconds(timeout: u64) -> Duration {
    Duration::from_secs(timeout.min(TIMEOUT_S_MAX))
}

/// No query parameters; unknown ones are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NoParams {}

impl Validate for NoParams {
    fn validate(&self, _: &mut Check) {}
}

impl Params for NoParams {}

/// Parameters of routes that read points.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ReadParams {
    #[expect(
        dead_code,
        reason = "checked while decoding; on one node every level means the same"
    )]
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    consistency: Option<Consistency>,
    /// Seconds after which the read is given up.
    timeout: Option<u64>,
}

impl Validate for ReadParams {
    fn validate(&self, check: &mut Check) {
        check_timeout(check, self.timeout);
    }
}

impl Params for ReadParams {
    fn time_limit(&self) -> Option<Duration> {
        Some(seconds(self.timeout.unwrap_or(READ_TIMEOUT_S)))
    }

    const IS_CANCELLABLE: bool = true;
}

/// How many replicas must agree.
#[derive(Debug)]
struct Consistency;

impl<'de> Deserialize<'de> for Consistency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_known = matches!(text.as_str(), "all" | "majority" | "quorum")
            || text.parse::<u64>().is_ok_and(|count| count > 0);
        let wrong = || format!("consistency {text:?}: expected a positive number, all, majority or quorum");
        is_known
            .then_some(Self)
            .ok_or_else(|| serde::de::Error::custom(wrong()))
    }
}

/// Parameters of routes that change points.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct WriteParams {
    /// Answer only when the change is applied.
    #[serde(default)]
    pub(crate) wait: bool,
    #[expect(
        dead_code,
        reason = "checked while decoding; one writer orders all changes strongly"
    )]
    ordering: Option<Ordering>,
    /// Seconds to wait for the change to be applied.
    timeout: Option<u64>,
}

/// How changes are ordered between replicas.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Ordering {
    Weak,
    Medium,
    Strong,
}

impl Validate for WriteParams {
    fn validate(&self, check: &mut Check) {
        check_timeout(check, self.timeout);
    }
}

impl Params for WriteParams {
    fn wait_limit(&self) -> Option<Duration> {
        self.timeout.filter(|_| self.wait).map(seconds)
    }
}

/// Parameters of routes that change collections. These changes are finished when they are answered, so the
/// timeout is only checked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ManageParams {
    /// Seconds to wait for the change.
    timeout: Option<u64>,
}

impl Validate for ManageParams {
    fn validate(&self, check: &mut Check) {
        check_timeout(check, self.timeout);
    }
}

impl Params for ManageParams {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<P: Params>(query: &str, want: Result<(), (u16, &str)>) {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        let got = read_query::<P>(&uri).map(|_| ());
        match (got, want) {
            (Ok(()), Ok(())) => {}
            (Err(refusal), Err((code, text))) => {
                assert_eq!(refusal.code.as_u16(), code, "{query}: {}", refusal.text);
                assert!(refusal.text.contains(text), "{query}: {}", refusal.text);
            }
            (got, want) => panic!("{query}: {got:?} instead of {want:?}"),
        }
    }

    const ZERO: &str =
        "Validation error in query parameters: [timeout: value 0 invalid, must be 1 or larger]";
    const UNREADABLE: &str = "Deserialize error in query parameters: ";

    #[test]
    fn query_parameters_are_decoded_and_checked() {
        check::<ReadParams>("", Ok(()));
        check::<ReadParams>("unknown=1&timeout=3", Ok(()));
        check::<ReadParams>("timeout=18446744073709551615", Ok(()));
        check::<ReadParams>("timeout=0", Err((422, ZERO)));
        check::<WriteParams>("timeout=0", Err((422, ZERO)));
        check::<ManageParams>("timeout=0", Err((422, ZERO)));
        check::<ReadParams>("timeout=x", Err((400, UNREADABLE)));
        check::<ReadParams>("timeout=-1", Err((400, UNREADABLE)));
        for level in ["1", "7", "all", "majority", "quorum"] {
            check::<ReadParams>(&format!("consistency={level}"), Ok(()));
        }
        for level in ["0", "-1", "most", ""] {
            check::<ReadParams>(&format!("consistency={level}"), Err((400, UNREADABLE)));
        }
        for order in ["weak", "medium", "strong"] {
            check::<WriteParams>(&format!("wait=true&ordering={order}"), Ok(()));
        }
        check::<WriteParams>("ordering=total", Err((400, UNREADABLE)));
        check::<WriteParams>("wait=maybe", Err((400, UNREADABLE)));
    }

    #[test]
    fn only_a_waiting_caller_has_a_wait_limit() {
        let limit = |query: &str| {
            read_query::<WriteParams>(&format!("/x?{query}").parse().unwrap())
                .unwrap()
                .wait_limit()
        };
        assert_eq!(limit("timeout=2"), None);
        assert_eq!(limit("wait=true"), None);
        assert_eq!(limit("wait=true&timeout=2"), Some(Duration::from_secs(2)));
    }
}
