//! From a refusal to a status code and a text: one table for every kind of error of the engine.
//! Used by every handler; the texts are part of the wire, clients compare them.

use axum::http::StatusCode;
use kindred::ErrorKind;
use kindred_model::error::Invalid;

/// Why a request is not answered with a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: StatusCode,
    pub(crate) text: String,
}

/// The part of a request that a validation error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Body,
    Query,
    Path,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Body => "JSON body",
            Self::Query => "query parameters",
            Self::Path => "path parameters",
        }
    }
}

/// How one kind of error looks on the wire: the code, and what stands before and after the detail.
struct Row {
    code: StatusCode,
    before: &'static str,
    after: &'static str,
}

fn row(kind: ErrorKind) -> Row {
    let (code, before, after) = match kind {
        ErrorKind::InvalidValues => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Validation error in JSON body: [",
            "]",
        ),
        ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, "Wrong input: ", ""),
        ErrorKind::InvalidRequest => (StatusCode::BAD_REQUEST, "Bad request: ", ""),
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, "Not found: ", ""),
        ErrorKind::Forbidden => (StatusCode::FORBIDDEN, "Forbidden: ", ""),
        ErrorKind::Mismatch => (StatusCode::BAD_REQUEST, "Checksum mismatch: ", ""),
        // WIRE: the real server calls a conflict wrong input.
        ErrorKind::AlreadyExists => (StatusCode::CONFLICT, "Wrong input: ", ""),
        ErrorKind::Timeout => (StatusCode::REQUEST_TIMEOUT, "Timeout: ", ""),
        ErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "Cancelled: ", ""),
        ErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Service unavailable: ", ""),
        ErrorKind::Full => (StatusCode::INSUFFICIENT_STORAGE, "Storage full: ", ""),
        ErrorKind::Corrupt | ErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "Service internal error: ", "")
        }
    };
    Row { code, before, after }
}

impl Refusal {
    /// A refusal of the given kind; `detail` is the text without its prefix.
    pub(crate) fn new(kind: ErrorKind, detail: impl std::fmt::Display) -> Self {
        let Row { code, before, after } = row(kind);
        Self {
            code,
            text: format!("{before}{detail}{after}"),
        }
    }

    /// A 400 whose text stands alone.
    pub(crate) fn bare(text: impl Into<String>) -> Self {
        Self {
            code: StatusCode::BAD_REQUEST,
            text: text.into(),
        }
    }

    /// A decoded part of the request that lies outside its limits.
    pub(crate) fn invalid(part: Part, invalid: &Invalid) -> Self {
        match invalid {
            Invalid::Values(_) => Self {
                code: StatusCode::UNPROCESSABLE_ENTITY,
                text: format!("Validation error in {}: [{invalid}]", part.name()),
            },
            Invalid::Input(_) => Self::new(ErrorKind::InvalidInput, invalid),
            Invalid::Request(_) => Self::new(ErrorKind::InvalidRequest, invalid),
        }
    }

    /// Something that the wire knows and this server does not have.
    pub(crate) fn not_built(what: &str) -> Self {
        Self {
            code: StatusCode::NOT_IMPLEMENTED,
            text: format!("Not implemented: {what} not built yet"),
        }
    }

    /// A caller whose key does not suffice.
    pub(crate) fn forbidden(detail: &str) -> Self {
        Self {
            code: StatusCode::FORBIDDEN,
            text: format!("Forbidden: {detail}"),
        }
    }
}

impl From<kindred::Error> for Refusal {
    fn from(error: kindred::Error) -> Self {
        Self::new(error.kind(), error)
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(Part::Body, &invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindred_model::error::Violation;

    fn check(kind: ErrorKind, code: u16, text: &str) {
        let refusal = Refusal::new(kind, "x");
        assert_eq!((refusal.code.as_u16(), refusal.text.as_str()), (code, text));
    }

    #[test]
    fn each_kind_has_its_row() {
        check(
            ErrorKind::InvalidValues,
            422,
            "Validation error in JSON body: [x]",
        );
        check(ErrorKind::InvalidInput, 400, "Wrong input: x");
        check(ErrorKind::InvalidRequest, 400, "Bad request: x");
        check(ErrorKind::NotFound, 404, "Not found: x");
        check(ErrorKind::Forbidden, 403, "Forbidden: x");
        check(ErrorKind::Mismatch, 400, "Checksum mismatch: x");
        check(ErrorKind::AlreadyExists, 409, "Wrong input: x");
        check(ErrorKind::Timeout, 408, "Timeout: x");
        check(ErrorKind::Cancelled, 503, "Cancelled: x");
        check(ErrorKind::Busy, 503, "Service unavailable: x");
        check(ErrorKind::Full, 507, "Storage full: x");
        check(ErrorKind::Corrupt, 500, "Service internal error: x");
        check(ErrorKind::Internal, 500, "Service internal error: x");
    }

    #[test]
    fn a_validation_error_names_the_part_and_every_violation() {
        let invalid = Invalid::Values(vec![
            Violation {
                field: "a".into(),
                why: "bad".into(),
            },
            Violation {
                field: "b[0]".into(),
                why: "worse".into(),
            },
        ]);
        for (part, text) in [
            (Part::Body, "Validation error in JSON body: [a: bad; b[0]: worse]"),
            (
                Part::Query,
                "Validation error in query parameters: [a: bad; b[0]: worse]",
            ),
            (
                Part::Path,
                "Validation error in path parameters: [a: bad; b[0]: worse]",
            ),
        ] {
            let refusal = Refusal::invalid(part, &invalid);
            assert_eq!((refusal.code.as_u16(), refusal.text.as_str()), (422, text));
        }
        assert_eq!(Refusal::from(Invalid::input("x")).text, "Wrong input: x");
        assert_eq!(Refusal::from(Invalid::request("x")).text, "Bad request: x");
    }
}
