//! Where a snapshot is recovered from: a URI as a client writes it.

use crate::error::{Error, ErrorKind};

/// The absolute path that the URI names.
///
/// # Errors
/// `InvalidRequest` for anything but a file of this machine. Nothing is fetched over the network: a server that goes
/// where its callers point reaches what only it can reach.
pub(super) fn local_path(location: &str) -> Result<String, Error> {
    let bad = |text: &str| Error::new(ErrorKind::InvalidRequest, text);
    // WIRE: the text is compared by clients.
    let not_here = || bad("Invalid snapshot URI, file path must be absolute or on localhost");
    let (scheme, rest) = location.split_once(':').ok_or_else(not_here)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "http" || scheme == "https" {
        return Err(bad(
            "Snapshots are not fetched from URLs: `service.enable_snapshot_url_recovery` is not built. Upload the file \
             (POST /collections/{collection}/snapshots/upload), or put it into the snapshots folder and give its file:// path",
        ));
    }
    if scheme != "file" {
        return Err(bad("Invalid snapshot URI, only file:// is known"));
    }
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                return Err(not_here());
            }
            rest.get(host.len()..).unwrap_or_default()
        }
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        return Err(not_here());
    }
    decoded(path).ok_or_else(|| bad("Invalid snapshot URI, its path is not UTF-8"))
}

/// Takes percent signs with two digits for their byte; others stand for themselves.
fn decoded(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).ok()?);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, want: Result<&str, &str>) {
        match (local_path(location), want) {
            (Ok(path), Ok(want)) => assert_eq!(path, want, "{location}"),
            (Err(error), Err(want)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidRequest);
                assert!(error.to_string().contains(want), "{location}: {error}");
            }
            (got, _) => panic!("{location}: {got:?}"),
        }
    }

    #[test]
    fn only_files_of_this_machine() {
        const NOT_HERE: &str = "Invalid snapshot URI, file path must be absolute or on localhost";
        for (location, path) in [
            ("file:///a/b.snapshot", "/a/b.snapshot"),
            ("FILE://localhost/a", "/a"),
            ("file:/a", "/a"),
            ("file:///a%20b%2Fc%", "/a b/c%"),
            ("file:///%2e%2e/a?x#y", "/../a"),
        ] {
            check(location, Ok(path));
        }
        for location in [
            "",
            "a",
            "/a/b",
            "file:",
            "file:a",
            "file://",
            "file://a.snapshot",
            "file://host/a",
            "file://127.0.0.1/a",
            "file://localhost",
        ] {
            check(location, Err(NOT_HERE));
        }
        check("file:///%ff", Err("UTF-8"));
        for location in [
            "http://127.0.0.1/a",
            "https://example.org/a",
            "HTTP://169.254.169.254/latest/meta-data",
        ] {
            check(location, Err("enable_snapshot_url_recovery"));
        }
        for location in ["ftp://a/b", "gopher://a", "data:text/plain,a", "C:\\a"] {
            check(location, Err("only file://"));
        }
    }
}
