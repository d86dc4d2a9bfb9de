//! Bodies: their headers, their pace, their share of the memory, and what they decode to.

use std::collections::VecDeque;
use std::iter::repeat_n;
use std::task::{Context, Poll};

use super::*;
use serde::Deserialize;
use tokio::time::{Sleep, sleep};

async fn check(limit: usize, headers: &[(&'static str, &'static str)], body: &str, want: Result<&str, &str>) {
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

#[tokio::test]
async fn compressed_bodies_are_refused() {
    for (coding, is_fine) in [
        ("identity", true),
        ("Identity, identity", true),
        ("gzip", false),
        ("identity, br", false),
        ("", false),
    ] {
        let mut headers = json_headers();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        let read = BodyLimits::new(4).read(&headers, Body::from("{}")).await;
        let code = read.map_or_else(|refusal| refusal.code, |_| StatusCode::OK);
        let want = if is_fine {
            StatusCode::OK
        } else {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        };
        assert_eq!(code, want, "{coding}");
    }
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// A body whose pieces come one after the other, each so many seconds after the last.
struct Slow {
    pieces: VecDeque<(u64, usize)>,
    next: Option<Pin<Box<Sleep>>>,
}

fn slow(pieces: impl IntoIterator<Item = (u64, usize)>) -> Body {
    Body::new(Slow {
        pieces: pieces.into_iter().collect(),
        next: None,
    })
}

impl HttpBody for Slow {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let Some((seconds, size)) = self.pieces.front().copied() else {
            return Poll::Ready(None);
        };
        let wait = || Box::pin(sleep(Duration::from_secs(seconds)));
        if seconds > 0 && self.next.get_or_insert_with(wait).as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.next = None;
        self.pieces.pop_front();
        Poll::Ready(Some(Ok(hyper::body::Frame::data(vec![b' '; size].into()))))
    }
}

const MIB: usize = 1024 * 1024;
/// More seconds than any body may take.
const NEVER: u64 = 1_000_000;

/// `Ok` is the size of the body that was read, `Err` the seconds after which it was given up.
async fn check_pace(pieces: impl IntoIterator<Item = (u64, usize)>, want: Result<usize, u64>) {
    let started = Instant::now();
    let read = BodyLimits::new(32 * MIB)
        .read(&json_headers(), slow(pieces))
        .await;
    let got = read.map(|read| read.bytes().len()).map_err(|refusal| {
        assert_eq!(refusal.code, StatusCode::REQUEST_TIMEOUT);
        started.elapsed().as_secs()
    });
    assert_eq!(got, want);
}

#[tokio::test(start_paused = true)]
async fn a_body_keeps_up_with_the_slowest_rate() {
    let per_second = BODY_RATE_MIN;
    check_pace([(29, 5)], Ok(5)).await;
    check_pace([(NEVER, 5)], Err(30)).await;
    check_pace(repeat_n((10, 1), 1000), Err(30)).await;
    check_pace(repeat_n((1, per_second), 512), Ok(32 * MIB)).await;
    // Half of the rate: after 29 pieces in 58 seconds, 30 + 29 seconds are used up before the next.
    check_pace(repeat_n((2, per_second), 512), Err(59)).await;
    // Being fast first is no credit for standing still later.
    check_pace([(0, 31 * MIB), (29, 1), (1, 1)], Ok(31 * MIB + 2)).await;
    check_pace([(0, 31 * MIB), (NEVER, MIB)], Err(30)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_and_does_not_come_takes_no_memory() {
    let limits = Arc::new(BodyLimits::new(32 * MIB));
    let tricklers: Vec<_> = (0..100)
        .map(|_| {
            let limits = Arc::clone(&limits);
            let mut headers = json_headers();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(32 * MIB));
            tokio::spawn(async move { limits.read(&headers, slow(repeat_n((10, 1), 1000))).await })
        })
        .collect();
    sleep(Duration::from_secs(15)).await;
    let asked = Instant::now();
    let read = limits.read(&json_headers(), slow([(0, 32 * MIB)])).await;
    assert_eq!(read.map(|read| read.bytes().len()), Ok(32 * MIB));
    assert_eq!(asked.elapsed(), Duration::ZERO);
    for trickler in tricklers {
        assert_eq!(
            trickler.await.unwrap().unwrap_err().code,
            StatusCode::REQUEST_TIMEOUT
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_large_bodies_wait_for_memory() {
    let limits = BodyLimits::sharing(BODY_STEP_BYTES, 2 * BODY_STEP_BYTES);
    let read = async |size: usize| {
        let asked = Instant::now();
        let read = limits.read(&json_headers(), slow([(0, 1), (0, size - 1)])).await;
        (read, asked.elapsed().as_secs())
    };
    let held = [
        read(BODY_STEP_BYTES).await.0.unwrap(),
        read(BODY_SMALL_BYTES_MAX + 1).await.0.unwrap(),
    ];
    let (small, waited) = read(BODY_SMALL_BYTES_MAX).await;
    assert_eq!((small.unwrap().bytes().len(), waited), (BODY_SMALL_BYTES_MAX, 0));
    let (large, waited) = read(BODY_SMALL_BYTES_MAX + 1).await;
    assert_eq!(large.unwrap_err().code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(waited, BODY_WAIT_S);
    // Memory that becomes free goes to whoever waits.
    let free = async {
        sleep(Duration::from_secs(3)).await;
        drop(held);
    };
    let ((large, waited), ()) = tokio::join!(read(BODY_STEP_BYTES), free);
    assert_eq!((large.unwrap().bytes().len(), waited), (BODY_STEP_BYTES, 3));
    assert_eq!(limits.all.available_permits(), 2);
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
        let got = decode::<Thing>(json.as_bytes(), BodyClass::Query).map(|thing| thing.size);
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
        let refusal = decode::<Any>(json.as_bytes(), BodyClass::Points).unwrap_err();
        assert_eq!(refusal.code, StatusCode::BAD_REQUEST);
        assert!(
            refusal.text.contains("recursion limit exceeded"),
            "{}",
            refusal.text
        );
    }
}

#[test]
fn nodes_are_counted_outside_of_strings() {
    let check = |json: &str, nodes: usize| {
        // Spaces keep the text longer than any number of its nodes.
        let json = format!("{json}{}", " ".repeat(100));
        assert!(!has_more_nodes(json.as_bytes(), nodes), "{json}");
        if let Some(fewer) = nodes.checked_sub(1) {
            assert!(has_more_nodes(json.as_bytes(), fewer), "{json}");
        }
    };
    check("", 0);
    check("1", 0);
    check("[{},{}]", 3);
    check(r#"{"a[": "{{[["}"#, 1);
    check(r#"{"a\"[": [1]}"#, 2);
    check(r#"{"a\\": [1]}"#, 2);
    check(r#"{"a\\\"[{": [1]}"#, 2);
    check(r#""never closed [[[["#, 0);
    check(r#"{"ends in a backslash\"#, 1);
    check("]]}}\\[", 1);
    let list = |commas: usize| format!("[1{}]", ",1".repeat(commas));
    assert!(!has_more_nodes(list(2 * ELEMENTS_PER_NODE).as_bytes(), 2));
    assert!(has_more_nodes(list(2 * ELEMENTS_PER_NODE + 1).as_bytes(), 2));
}

#[test]
fn each_class_has_its_number_of_nodes() {
    let with = |nodes: usize| format!("{{\"size\":1,\"x\":[{}{{}}]}}", "{},".repeat(nodes - 3));
    let check = |class, max: usize| {
        assert!(decode::<Thing>(with(max).as_bytes(), class).is_ok());
        let refusal = decode::<Thing>(with(max + 1).as_bytes(), class).unwrap_err();
        let text = format!(
            "Format error in JSON body: more than {max} objects and arrays, or 64 times as many elements"
        );
        assert_eq!(refusal, Refusal::bare(text));
    };
    check(BodyClass::Query, QUERY_NODES_MAX);
    check(BodyClass::Points, POINTS_NODES_MAX);
}
