//! Random workloads with random faults, reopenings, seals, merges, and changes that come while a segment is built.
//! Small domains: ids repeat, names collide, some changes are refused.

use serde_json::{Value, json};

use super::event::parse;
use super::run::Run;
use super::{Open, Shared};

/// A random run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its events, each as [`parse`] reads it.
    pub events: Vec<Value>,
    /// Whether sealing is left to the events, because changes come while segments are built.
    pub is_patient: bool,
}

impl Scenario {
    /// The text that [`parse`] reads, one event per line.
    pub fn text(&self) -> String {
        let lines: Vec<String> = self.events.iter().map(|event| format!("    {event}")).collect();
        format!("[\n{}\n]", lines.join(",\n"))
    }

    fn fails<S: Shared>(&self, open: Open<'_, S>, seed: u64) -> Result<(), String> {
        let events = parse(&self.text())?;
        let mut run = Run::new(open, seed);
        run.all(&events).and_then(|()| run.end())
    }
}

/// Runs the scenario of a seed.
///
/// # Errors
/// What was wrong, and the shortest scenario found that still shows it, ready to be pasted.
pub fn soak<S: Shared>(open: Open<'_, S>, seed: u64) -> Result<(), String> {
    let mut shortest = scenario(seed);
    let Err(mut why) = shortest.fails(open, seed) else {
        return Ok(());
    };
    // Taking one away may make another one needless, but twice is enough to read the rest.
    for _ in 0..2 {
        for at in (0..shortest.events.len()).rev() {
            let mut shorter = shortest.clone();
            shorter.events.remove(at);
            if let Err(error) = shorter.fails(open, seed) {
                (shortest, why) = (shorter, error);
            }
        }
    }
    let patience = if shortest.is_patient { "patient" } else { "eager" };
    Err(format!("seed {seed} ({patience}): {why}\n{}", shortest.text()))
}

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut dice = Dice(seed);
    let is_patient = dice.one_in(2);
    let mut events = vec![create("a"), upsert(&mut dice, "a", 8)];
    if dice.one_in(2) {
        events.push(create("b"));
    }
    for _ in 0..10 + dice.below(25) {
        let event = event(&mut dice, is_patient);
        events.push(event);
    }
    Scenario { events, is_patient }
}

fn event(dice: &mut Dice, is_patient: bool) -> Value {
    let name = name(dice);
    match dice.below(100) {
        0..45 => change(dice, name),
        45..57 => json!({ "seal": name }),
        57..66 => json!({ "compact": name }),
        66..72 => json!("reopen"),
        72..76 => json!({ "crash": [1 + dice.below(25), dice.below(2)] }),
        76..79 => json!({ "error": 1 + dice.below(25) }),
        79..82 => json!({ "lost_answer": 1 + dice.below(25) }),
        82..85 => json!({ "full": 1 + dice.below(25) }),
        85..97 if is_patient => {
            let moment = dice.pick(&["before", "after"]);
            let inner: Vec<Value> = (0..1 + dice.below(4)).map(|_| inner(dice, name)).collect();
            json!({ "during": [1 + dice.below(3), moment, inner] })
        }
        _ => change(dice, name),
    }
}

/// What comes while a segment is built.
fn inner(dice: &mut Dice, name: &str) -> Value {
    match dice.below(12) {
        0 => json!({ "seal": name }),
        1 => json!({ "compact": name }),
        2 => json!({ "drop_vector": [name, "more"] }),
        _ => update(dice, name),
    }
}

fn name(dice: &mut Dice) -> &'static str {
    dice.pick(&["a", "a", "a", "a", "a", "a", "b", "b", "alias"])
}

fn create(name: &str) -> Value {
    json!({ "create": [name, {
        "vectors": {
            "": { "size": 2, "distance": "Dot" },
            "rows": { "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } }
        },
        "sparse_vectors": { "words": {} }
    }] })
}

fn change(dice: &mut Dice, name: &'static str) -> Value {
    let own = if name == "alias" { "a" } else { name };
    match dice.below(40) {
        0 => json!({ "drop": own }),
        1 | 2 => create(own),
        3 => json!({ "aliases": [{ "create_alias": { "collection_name": own, "alias_name": "alias" } }] }),
        4 => json!({ "index": [name, "n", "integer"] }),
        5 => json!({ "drop_index": [name, "n"] }),
        6 | 7 => {
            let kind = dice.pick(&[
                r#"{"dense": {"size": 2, "distance": "Dot"}}"#,
                r#"{"sparse": {}}"#,
            ]);
            let vector: Value = serde_json::from_str(kind).unwrap_or_default();
            json!({ "vector": [name, "more", vector] })
        }
        8 | 9 => json!({ "drop_vector": [name, "more"] }),
        _ => update(dice, name),
    }
}

fn update(dice: &mut Dice, name: &str) -> Value {
    let ids: Vec<Value> = (0..1 + dice.below(3)).map(|_| id(dice)).collect();
    let n = dice.below(4);
    let by_filter = json!({ "must": { "key": "n", "match": { "value": n } } });
    let operation = match dice.below(16) {
        0..6 => return upsert(dice, name, 4),
        6 => json!({ "delete": { "filter": by_filter } }),
        7 | 8 => json!({ "delete": { "points": ids } }),
        9 => json!({ "set_payload": { "payload": { "n": n, "s": "seen" }, "filter": by_filter } }),
        10 => json!({ "set_payload": { "payload": { "deep": n }, "key": "o", "filter": {} } }),
        11 => json!({ "overwrite_payload": { "payload": { "n": n }, "points": ids } }),
        12 => json!({ "delete_payload": { "keys": ["n", "o.deep"], "points": ids } }),
        13 => json!({ "clear_payload": { "points": ids } }),
        14 => {
            let (field, vector) = vector(dice);
            json!({ "update_vectors": { "points": [{ "id": id(dice), "vector": { field: vector } }] } })
        }
        _ => {
            let field = dice.pick(&["", "rows", "words", "more"]);
            json!({ "delete_vectors": { "points": ids, "vector": [field] } })
        }
    };
    json!({ "update": [name, operation] })
}

fn upsert(dice: &mut Dice, name: &str, most: u64) -> Value {
    let points: Vec<Value> = (0..1 + dice.below(most))
        .map(|_| {
            let mut vectors = serde_json::Map::new();
            for _ in 0..dice.below(3) {
                let (field, vector) = vector(dice);
                vectors.insert(field.to_owned(), vector);
            }
            let payload = json!({ "n": dice.below(4), "o": { "deep": dice.below(3) } });
            json!({ "id": id(dice), "vector": vectors, "payload": payload })
        })
        .collect();
    json!({ "update": [name, { "upsert": { "points": points } }] })
}

/// A field and a vector for it; `more` is there only sometimes, and not always of this kind.
fn vector(dice: &mut Dice) -> (&'static str, Value) {
    let number = dice.below(9);
    match dice.below(8) {
        0..3 => ("", json!([number, 1])),
        3 | 4 => ("rows", json!([[number, 2], [3, number]])),
        5 | 6 => ("words", json!({ "indices": [number, 20], "values": [1, number] })),
        _ => ("more", json!([number, 3])),
    }
}

fn id(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => json!(format!("00000000-0000-0000-0000-00000000000{}", dice.below(4))),
        _ => json!(dice.below(12)),
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        let at = self.below(from.len() as u64);
        let at = usize::try_from(at).unwrap_or_default();
        from.get(at).copied().unwrap_or_default()
    }
}
