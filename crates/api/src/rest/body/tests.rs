//! Bodies: their headers, their pace, their share of the memory, and what they decode to.

use super::*;
use serde::Deserialize;

async fn check(
    limit: usize,
    headers: &[(&'static str, &'static str)],
    body: &str,
    want: Result<&str, &str>,
) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                axum::http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let read = BodyLimits::new(limit)
        .read(&headers, Body::from(body.to_owned()))
        .await;
    match (&read, want) {
        (Ok(read), Ok(want)) => assert_eq!(read.bytes(), want.as_bytes()),
        (Err(refusal), Err(want)) => {
            assert_eq!(refusal.code, StatusCode::BAD_REQUEST);
            assert_eq!(refusal.text, format!("Format error in JSON body: {want}"));
        }
        (read, want) => panic!("{headers:?}: {read:?} instead of {want:?}"),
    }
}

#[tokio::test]
async fn bodies_are_json_and_bounded() {
    let no_json = Err("content type must be application/json");
    let too_large = Err("larger than allowed (limit: 4 bytes)");
    check(4, &[("content-type", "application/json")], "[12]", Ok("[12]")).await;
    check(
        4,
        &[("content-type", "application/json; charset=utf-8")],
        "",
        Ok(""),
    )
    .await;
    check(4, &[("content-type", "APPLICATION/vnd.x+JSON")], "{}", Ok("{}")).await;
    check(4, &[("content-type", "application/json")], "[123]", too_large).await;
    check(
        4,
        &[("content-type", "application/json"), ("content-length", "5")],
        "[]",
        too_large,
    )
    .await;
    let huge = "99999999999999999999999999";
    check(
        4,
        &[("content-type", "application/json"), ("content-length", huge)],
        "[]",
        too_large,
    )
    .await;
    for other in ["text/plain", "application/x-www-form-urlencoded", "text/json", ""] {
        check(4, &[("content-type", other)], "{}", no_json).await;
    }
    check(4, &[], "{}", no_json).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up() {
    struct Never;
    impl HttpBody for Never {
        type Data = Bytes;
        type Error = axum::Error;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
            std::task::Poll::Pending
        }
    }
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let refusal = BodyLimits::new(4)
        .read(&headers, Body::new(Never))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, StatusCode::REQUEST_TIMEOUT);
}

#[derive(Debug, Deserialize)]
struct Thing {
    size: u64,
}

impl Validate for Thing {
    fn validate(&self, check: &mut Check) {
        check.at_least("size", self.size, 1);
    }
}

#[test]
fn undecodable_is_400_and_invalid_is_422() {
    let check = |json: &str, want: Result<u64, (u16, &str)>| {
        let got = decode::<Thing>(json.as_bytes()).map(|thing| thing.size);
        let want = want.map_err(|(code, text)| (code, text.to_owned()));
        assert_eq!(
            got.map_err(|refusal| (refusal.code.as_u16(), refusal.text)),
            want,
            "{json}"
        );
    };
    check("{\"size\": 1, \"other\": 2}", Ok(1));
    check(
        "{\"size\": 0}",
        Err((
            422,
            "Validation error in JSON body: [size: value 0 invalid, must be 1 or larger]",
        )),
    );
    check(
        "{}",
        Err((
            400,
            "Format error in JSON body: missing field `size` at line 1 column 2",
        )),
    );
    check(
        "{\"size\": 1",
        Err((
            400,
            "Format error in JSON body: EOF while parsing an object at line 1 column 10",
        )),
    );
    check(
        "",
        Err((
            400,
            "Format error in JSON body: EOF while parsing a value at line 1 column 0",
        )),
    );
    check(
        "[1]",
        Err((
            400,
            "Format error in JSON body: invalid type: sequence, expected an object at line 1 column 0",
        )),
    );
    check(
        "1",
        Err((
            400,
            "Format error in JSON body: invalid type: integer `1`, expected an object at line 1 column 1",
        )),
    );
    check(
        "{\"size\": 1} {}",
        Err((
            400,
            "Format error in JSON body: trailing characters at line 1 column 13",
        )),
    );
}

#[test]
fn nesting_without_end_is_refused() {
    #[derive(Debug, Deserialize)]
    #[serde(transparent)]
    struct Any(#[expect(dead_code, reason = "only decoded")] serde_json::Value);
    impl Validate for Any {
        fn validate(&self, _: &mut Check) {}
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let json = format!("{{\"a\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
        let refusal = decode::<Any>(json.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, StatusCode::BAD_REQUEST);
        assert!(
            refusal.text.contains("recursion limit exceeded"),
            "{}",
            refusal.text
        );
    }
}
