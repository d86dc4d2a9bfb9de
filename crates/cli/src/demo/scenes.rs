//! The queries of the demo, as data: what each is called, what it asks in plain words, and its body.
//! The ids are those of the sample in `testdata/sample`.

use serde_json::{Value, json};

/// One query.
pub(super) struct Scene {
    /// The kind, as the documentation calls it.
    pub(super) kind: &'static str,
    /// What is asked, in plain words.
    pub(super) says: &'static str,
    /// The end of the path, after the collection.
    pub(super) path: &'static str,
    pub(super) body: Value,
}

// Turner: "Rough Sea with Wreckage", "Seascape with Distant Coast", "Study of Sea and Sky, Isle of Wight".
const SEASCAPES: [u64; 3] = [14821, 14973, 14838];
// Self-portraits by Manson and Spencer; a portrait by Mancini.
const PORTRAITS: [u64; 3] = [9233, 13671, 9211];
const ROUGH_SEA: u64 = 14821;
// Millais.
const OPHELIA: u64 = 9506;
// Renoir: "Venus Victorious"; Dalou: "Seated Nude Taking off her Stocking"; Armitage: "People in the Wind".
const BRONZES: [u64; 3] = [12373, 2992, 578];
// Walker: "The Old Gate"; Stanhope: "Thoughts of the Past"; Lavery: "Le Mort du Cygne: Anna Pavlova".
const PAINTINGS: [u64; 3] = [15810, 13755, 8412];

const QUERY: &str = "points/query";

/// Every query, in the order of the documentation.
pub(super) fn all() -> Vec<Scene> {
    let mut scenes = similar();
    scenes.extend(zones());
    scenes.extend(reranked());
    scenes.extend(listed());
    scenes
}

/// Not by Turner, nor engraved after him: half of the sample is, and he would fill every list.
fn by_others() -> Value {
    json!({ "must_not": [
        { "key": "artist", "match": { "any": ["Joseph Mallord William Turner", "after Joseph Mallord William Turner"] } }
    ] })
}

fn paintings() -> Value {
    json!({ "must": [{ "key": "classification", "match": { "value": "painting" } }] })
}

fn fields() -> Value {
    json!(["title", "artist", "year", "classification"])
}

/// A query for points; the keys of `more` win.
fn ask(kind: &'static str, says: &'static str, query: Value, more: Value) -> Scene {
    let mut body = json!({ "query": query, "limit": 5, "with_payload": fields() });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Scene {
        kind,
        says,
        path: QUERY,
        body,
    }
}

fn recommend(strategy: &str, positive: &[u64], negative: &[u64]) -> Value {
    json!({ "recommend": { "positive": positive, "negative": negative, "strategy": strategy } })
}

fn similar() -> Vec<Scene> {
    let others = || json!({ "filter": by_others() });
    vec![
        ask(
            "nearest",
            "like Turner's `Rough Sea with Wreckage`",
            json!(ROUGH_SEA),
            json!({}),
        ),
        ask(
            "nearest, filtered",
            "the same, by others",
            json!(ROUGH_SEA),
            others(),
        ),
        ask(
            "recommend, average vector",
            "like Turner's seascapes, unlike portraits, by others",
            recommend("average_vector", &SEASCAPES, &PORTRAITS),
            others(),
        ),
        ask(
            "recommend, best score",
            "the same: close to any one seascape, and closer to it than to every portrait",
            recommend("best_score", &SEASCAPES, &PORTRAITS),
            others(),
        ),
        ask(
            "recommend, sum of scores",
            "the same: close to the seascapes together, far from the portraits together",
            recommend("sum_scores", &SEASCAPES, &PORTRAITS),
            others(),
        ),
        ask(
            "recommend, negatives only",
            "nothing liked, two things disliked: the least like seascapes and portraits",
            recommend("best_score", &[], &[ROUGH_SEA, 9233]),
            json!({}),
        ),
        ask(
            "relevance feedback",
            "like the rough sea; of its first answers one was judged right, one half right, one wrong",
            json!({ "relevance_feedback": {
                "target": ROUGH_SEA,
                "feedback": [
                    { "example": 14973, "score": 0.9 },
                    { "example": 20953, "score": 0.5 },
                    { "example": 26862, "score": 0.1 },
                ],
                "strategy": { "naive": { "a": 0.5, "b": 0.8, "c": 0.4 } },
            } }),
            others(),
        ),
    ]
}

/// Prefers figures in bronze to figures in paintings.
fn pairs() -> Value {
    let pairs = BRONZES.iter().zip(PAINTINGS);
    pairs
        .map(|(positive, negative)| json!({ "positive": positive, "negative": negative }))
        .collect()
}

fn zones() -> Vec<Scene> {
    vec![
        ask(
            "discover",
            "like Millais's `Ophelia`, but inside the zone of bronzes rather than paintings",
            json!({ "discover": { "target": OPHELIA, "context": pairs() } }),
            json!({}),
        ),
        ask(
            "context",
            "anything inside that zone; there is no target, so all of it scores 0 and the order says nothing",
            json!({ "context": pairs() }),
            json!({}),
        ),
    ]
}

fn reranked() -> Vec<Scene> {
    let seascapes = || json!({ "query": recommend("average_vector", &SEASCAPES, &PORTRAITS), "limit": 100 });
    let ophelia = || json!({ "query": OPHELIA, "limit": 100 });
    let both = || json!({ "prefetch": [seascapes(), ophelia()], "filter": by_others() });
    // Coefficients as a logistic regression learns them; the last two features are filter conditions.
    let logit = json!({ "sum": [
        -4.0,
        { "mult": [8.0, "$score"] },
        { "mult": [1.5, { "key": "classification", "match": { "value": "painting" } }] },
        { "mult": [-2.0, { "key": "artist", "match": { "value": "Joseph Mallord William Turner" } }] },
    ] });
    let logistic = json!({ "div": { "left": 1.0, "right": { "sum": [1.0, { "exp": { "neg": logit } }] } } });
    let around_1900 = json!({ "gauss_decay": { "x": "year", "target": 1900, "scale": 20, "midpoint": 0.5 } });
    vec![
        ask(
            "fusion, RRF",
            "seascapes (weight 2) and `Ophelia` (weight 1), merged by rank",
            json!({ "rrf": { "k": 20, "weights": [2.0, 1.0] } }),
            both(),
        ),
        ask(
            "fusion, DBSF",
            "the same two lists, merged by scores on one scale",
            json!({ "fusion": "dbsf" }),
            both(),
        ),
        ask(
            "rescoring",
            "the hundred most like the seascapes, in the order of likeness to `Ophelia`",
            json!(OPHELIA),
            json!({ "prefetch": seascapes() }),
        ),
        ask(
            "formula, logistic regression",
            "how likely it is wanted, from the likeness to the rough sea, being a painting, and being Turner's",
            json!({ "formula": logistic }),
            json!({ "prefetch": { "query": ROUGH_SEA, "limit": 200 } }),
        ),
        ask(
            "formula, decay",
            "like the rough sea, and from around 1900",
            json!({ "formula": { "sum": ["$score", { "mult": [0.3, around_1900] }] }, "defaults": { "year": 1800 } }),
            json!({ "prefetch": { "query": ROUGH_SEA, "limit": 500 } }),
        ),
        ask(
            "MMR",
            "like the rough sea, but unlike each other",
            json!({ "nearest": ROUGH_SEA, "mmr": { "diversity": 0.7, "candidates_limit": 100 } }),
            json!({}),
        ),
    ]
}

fn listed() -> Vec<Scene> {
    let recommended = recommend("average_vector", &SEASCAPES, &PORTRAITS);
    vec![
        ask(
            "order by",
            "the oldest paintings",
            json!({ "order_by": { "key": "year", "direction": "asc" } }),
            json!({ "filter": paintings() }),
        ),
        ask(
            "sample",
            "any paintings",
            json!({ "sample": "random" }),
            json!({ "filter": paintings(), "limit": 3 }),
        ),
        Scene {
            kind: "groups",
            says: "the artists with the paintings most like the seascapes, two works each",
            path: "points/query/groups",
            body: json!({
                "query": recommended, "filter": paintings(), "with_payload": fields(),
                "group_by": "artist", "limit": 3, "group_size": 2,
            }),
        },
        Scene {
            kind: "batch",
            says: "two requests in one: like `Ophelia`, and like the first self-portrait",
            path: "points/query/batch",
            body: json!({ "searches": [
                { "query": OPHELIA, "limit": 2, "with_payload": fields() },
                { "query": 9233, "limit": 2, "with_payload": fields() },
            ] }),
        },
        Scene {
            kind: "facet",
            says: "the movements with the most works",
            path: "facet",
            body: json!({ "key": "movements", "limit": 5 }),
        },
    ]
}
