//! Ids and payloads. Every field has values of its usual type most of the time, and now and then something else.

use kindred_model::config::{FieldSchema, FieldType};
use kindred_model::id::PointId;
use kindred_model::path::JsonPath;
use kindred_model::payload::Payload;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The numbers among the ids.
const NUMBERS: u64 = 14;

/// One of sixteen ids; two are UUIDs, one is the largest number.
pub fn id() -> BoxedStrategy<PointId> {
    prop_oneof![
        14 => (0..NUMBERS).prop_map(PointId::Num),
        1 => Just(PointId::Num(u64::MAX)),
        2 => prop::sample::select(uuids()).prop_map(PointId::Uuid),
    ]
    .boxed()
}

/// Every id that [`id`] makes.
pub(super) fn all_ids() -> Vec<PointId> {
    let numbers = (0..NUMBERS).chain([u64::MAX]).map(PointId::Num);
    numbers.chain(uuids().into_iter().map(PointId::Uuid)).collect()
}

fn uuids() -> Vec<Uuid> {
    vec![
        Uuid::from_u128(7),
        Uuid::from_u128(0x936d_a01f_9abd_4d9d_80c7_02af_85c8_22a8),
    ]
}

/// A path of the payloads that [`payload`] makes.
pub fn field(text: &str) -> JsonPath {
    text.parse().expect("the tests name their fields correctly")
}

/// The fields on which the tests put indexes, and their types.
pub fn indexed_fields() -> Vec<(JsonPath, FieldSchema)> {
    let fields = [
        ("n", FieldType::Integer),
        ("x", FieldType::Float),
        ("t", FieldType::Keyword),
        ("b", FieldType::Bool),
        ("at", FieldType::Datetime),
        ("u", FieldType::Uuid),
        ("geo", FieldType::Geo),
        ("o.n", FieldType::Integer),
        ("list[].n", FieldType::Integer),
    ];
    fields
        .into_iter()
        .map(|(path, data_type)| (field(path), FieldSchema::Type(data_type)))
        .collect()
}

pub(super) fn word() -> BoxedStrategy<String> {
    prop::sample::select(vec!["a", "b", "c", "ab c", "B"])
        .prop_map(str::to_owned)
        .boxed()
}

pub(super) fn time() -> BoxedStrategy<String> {
    prop::sample::select(vec![
        "2024-01-01",
        "2024-01-01T12:30:00Z",
        "2024-02-03 04:05:06.789",
        "2023-12-31T23:00:00-02:00",
    ])
    .prop_map(str::to_owned)
    .boxed()
}

fn whole() -> BoxedStrategy<Value> {
    (-3_i64..4).prop_map(Value::from).boxed()
}

fn half() -> BoxedStrategy<Value> {
    (-6_i32..7)
        .prop_map(|halves| json!(f64::from(halves) / 2.0))
        .boxed()
}

fn text() -> BoxedStrategy<Value> {
    word().prop_map(Value::from).boxed()
}

fn place() -> BoxedStrategy<Value> {
    (-3_i32..4, -3_i32..4)
        .prop_map(|(lon, lat)| json!({ "lon": lon * 50, "lat": lat * 20 }))
        .boxed()
}

fn uuid() -> BoxedStrategy<Value> {
    // Two spellings of each.
    let spelled = |(uuid, is_simple): (Uuid, bool)| match is_simple {
        true => uuid.simple().to_string(),
        false => uuid.hyphenated().to_string(),
    };
    (prop::sample::select(uuids()), any::<bool>())
        .prop_map(spelled)
        .prop_map(Value::from)
        .boxed()
}

/// Mostly `usual`, often a list of them, sometimes nothing or something else.
fn mostly(usual: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        6 => usual.clone().prop_map(Some),
        2 => prop::collection::vec(usual, 0..4).prop_map(|items| Some(Value::Array(items))),
        1 => prop::sample::select(vec![Value::Null, json!([null]), json!("other"), json!({}), json!(1.5)]).prop_map(Some),
        2 => Just(None),
    ]
    .boxed()
}

fn object() -> BoxedStrategy<Value> {
    (mostly(whole()), mostly(text()))
        .prop_map(|(n, t)| Value::Object(collect([("n", n), ("t", t)])))
        .boxed()
}

fn collect<const COUNT: usize>(fields: [(&str, Option<Value>); COUNT]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// A payload over ten fields: numbers, words, truth, times, places, UUIDs, an object, a list of objects, and a
/// number that is always there.
pub fn payload() -> BoxedStrategy<Payload> {
    let bools = any::<bool>().prop_map(Value::from).boxed();
    let times = time().prop_map(Value::from).boxed();
    let lists = prop::collection::vec(object(), 0..4)
        .prop_map(Value::Array)
        .boxed();
    let scalars = (
        mostly(whole()),
        mostly(half()),
        mostly(text()),
        mostly(bools),
        mostly(times),
    );
    let others = (
        mostly(place()),
        mostly(uuid()),
        mostly(object()),
        prop::option::of(lists),
        half(),
    );
    (scalars, others)
        .prop_map(|((n, x, t, b, at), (geo, u, o, list, base))| {
            let fields = [
                ("n", n),
                ("x", x),
                ("t", t),
                ("b", b),
                ("at", at),
                ("geo", geo),
                ("u", u),
                ("o", o),
                ("list", list),
                ("base", Some(base)),
            ];
            Payload(collect(fields))
        })
        .boxed()
}
