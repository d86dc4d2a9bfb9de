//! Who may do what: API keys against the access that a route of the table asks for.
//! Runs on the matched route, never on the raw path, and before any byte of the body is read.

use std::hint::black_box;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// What a route does, and so which key it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Needs no key.
    Public,
    /// Reads data or settings.
    Read,
    /// Changes points of a collection.
    Write,
    /// Changes collections, aliases or settings.
    Manage,
}

/// The keys that open the door; without any it stands open.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    full: Option<String>,
    read_only: Option<String>,
}

/// Why a caller is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No key was given.
    Missing,
    /// The key is none of ours.
    Wrong,
    /// The key only reads.
    ReadOnly,
}

impl Keys {
    pub(crate) fn new(full: Option<String>, read_only: Option<String>) -> Self {
        Self { full, read_only }
    }

    /// Whether a key is needed at all.
    pub(crate) fn are_set(&self) -> bool {
        self.full.is_some() || self.read_only.is_some()
    }

    /// Lets a caller through, or says why not.
    pub(crate) fn admit(&self, headers: &HeaderMap, access: Access) -> Result<(), Denied> {
        if access == Access::Public || !self.are_set() {
            return Ok(());
        }
        let given = given_key(headers).ok_or(Denied::Missing)?;
        // Both comparisons always run, so that the time does not tell which key was close.
        let is_full = self
            .full
            .as_deref()
            .is_some_and(|key| is_same(key.as_bytes(), given));
        let is_read_only = self
            .read_only
            .as_deref()
            .is_some_and(|key| is_same(key.as_bytes(), given));
        match (is_full, is_read_only) {
            (true, _) => Ok(()),
            (false, true) if access == Access::Read => Ok(()),
            (false, true) => Err(Denied::ReadOnly),
            (false, false) => Err(Denied::Wrong),
        }
    }
}

fn given_key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get("api-key") {
        return Some(key.as_bytes());
    }
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

/// Compares in a time that depends only on the length of `given`.
fn is_same(secret: &[u8], given: &[u8]) -> bool {
    let mut difference = secret.len() ^ given.len();
    for (theirs, ours) in given.iter().zip(secret.iter().cycle()) {
        difference = black_box(difference | usize::from(theirs ^ ours));
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn check(header: Option<(&'static str, &'static str)>, access: Access, want: Result<(), Denied>) {
        let keys = Keys::new(Some("full".into()), Some("look".into()));
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(keys.admit(&headers, access), want, "{header:?} {access:?}");
    }

    #[test]
    fn keys_open_what_they_should() {
        let all = [Access::Read, Access::Write, Access::Manage];
        for access in all {
            check(None, access, Err(Denied::Missing));
            check(
                Some(("authorization", "Basic full")),
                access,
                Err(Denied::Missing),
            );
            check(Some(("api-key", "full")), access, Ok(()));
            check(Some(("authorization", "Bearer full")), access, Ok(()));
            check(Some(("authorization", "bearer full")), access, Ok(()));
            for wrong in ["", "ful", "fullfull", "fulL", "lookfull"] {
                check(Some(("api-key", wrong)), access, Err(Denied::Wrong));
            }
        }
        check(Some(("api-key", "look")), Access::Read, Ok(()));
        check(Some(("api-key", "look")), Access::Write, Err(Denied::ReadOnly));
        check(Some(("api-key", "look")), Access::Manage, Err(Denied::ReadOnly));
        check(None, Access::Public, Ok(()));
    }

    #[test]
    fn without_keys_the_door_is_open() {
        assert_eq!(Keys::default().admit(&HeaderMap::new(), Access::Manage), Ok(()));
    }

    #[test]
    fn a_read_only_key_alone_still_closes_the_door() {
        let keys = Keys::new(None, Some("look".into()));
        assert_eq!(keys.admit(&HeaderMap::new(), Access::Read), Err(Denied::Missing));
    }
}
