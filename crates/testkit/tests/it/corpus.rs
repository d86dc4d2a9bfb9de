//! The reference answers the whole corpus; wrong answers are noticed; a rendered question can be read again.

use kindred_model::query::request::QueryRequest;
use kindred_testkit::subject::Subject;
use kindred_testkit::{Reference, corpus};

#[test]
fn the_reference_agrees_with_the_corpus() {
    let entries = corpus::load().unwrap();
    assert!(entries.len() >= 12, "{} files", entries.len());
    let wrong: String = entries
        .iter()
        .filter_map(|entry| entry.run(&mut Reference::new()).err())
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

const FILE: &str = r#"
about = "four points"

[[collection]]
name = "line"
config = '{"vectors": {"size": 1, "distance": "Dot"}}'
points = '[{"id": 1, "vector": [1]}, {"id": 2, "vector": [2], "payload": {"n": 5}}, {"id": 3, "vector": [3]}]'

[[case]]
name = "the best two"
"#;

#[track_caller]
fn check(case: &str, is_right: bool) {
    let entry = corpus::read("file", &format!("{FILE}{case}")).unwrap();
    let outcome = entry.run(&mut Reference::new());
    assert_eq!(outcome.is_ok(), is_right, "{case}: {outcome:?}");
}

#[test]
fn wrong_answers_are_noticed() {
    let request = r#"request = '{"query": [2], "limit": 2}'"#;
    check(&format!("{request}\nids = [3, 2]\nscores = [6, 4]"), true);
    check(&format!("{request}\nids = [3, 2]"), true);
    check(&format!("{request}\nids = [2, 3]"), false);
    check(&format!("{request}\nids = [3]"), false);
    check(&format!("{request}\nids = [3, 2]\nscores = [6, 4.001]"), false);
    check(
        &format!("{request}\nids = [3, 2]\nscores = [6, 4.001]\ntolerance = 0.01"),
        true,
    );
    check(
        &format!("{request}\nerror = {{ kind = \"NotFound\", text = \"\" }}"),
        false,
    );
    // A case that states nothing proves nothing.
    check(request, false);
    let bad = r#"request = '{"query": 9}'"#;
    check(
        &format!("{bad}\nerror = {{ kind = \"NotFound\", text = \"No point with id 9 found\" }}"),
        true,
    );
    check(
        &format!("{bad}\nerror = {{ kind = \"NotFound\", text = \"something else\" }}"),
        false,
    );
    check(
        &format!("{bad}\nerror = {{ kind = \"InvalidInput\", text = \"No point\" }}"),
        false,
    );
    check(&format!("{bad}\nids = []"), false);
}

#[test]
fn a_rendered_question_can_be_asked_again() {
    let entry = corpus::read("file", &format!("{FILE}request = '{{}}'\nids = [1, 2, 3]")).unwrap();
    let mut reference = Reference::new();
    entry.run(&mut reference).unwrap();
    let request: QueryRequest = serde_json::from_str(r#"{"query": [2], "limit": 2, "offset": 1}"#).unwrap();
    let mut answer = reference.query("line", &request).unwrap();
    let render = |answer: &[_]| corpus::render(&reference.contents().unwrap(), "line", &request, answer);
    let again = corpus::read("again", &render(&answer)).unwrap();
    assert_eq!(again.cases(), 1);
    again.run(&mut Reference::new()).unwrap();
    answer.reverse();
    assert!(
        corpus::read("wrong", &render(&answer))
            .unwrap()
            .run(&mut Reference::new())
            .is_err()
    );
}
