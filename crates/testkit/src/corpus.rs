//! The conformance corpus: collections, questions and the answers that were computed by hand or by another program.
//! One file, several subjects; `testdata/conformance/README.md` tells how a file is written.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use kindred_model::config::{AliasAction, CreateCollection, FieldSchema, VectorsConfig};
use kindred_model::error::{Check, Validate};
use kindred_model::path::JsonPath;
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::json::{UpdateOperation, UpsertBody};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::compare::{ABSOLUTE, RELATIVE};
use crate::subject::{Change, Contents, Failure, Subject};

/// One file of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name of the file, for messages.
    #[serde(skip)]
    pub name: String,
    /// What it is about.
    pub about: String,
    collection: Vec<CollectionText>,
    #[serde(default)]
    aliases: BTreeMap<String, String>,
    case: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectionText {
    name: String,
    /// The body of the request that makes it.
    config: String,
    /// By field, the schema as JSON.
    #[serde(default)]
    indexes: BTreeMap<String, String>,
    /// A list of points as JSON.
    #[serde(default)]
    points: Option<String>,
    /// A list of changes as JSON, made after the points are there.
    #[serde(default)]
    changes: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The collection that is asked; the first when absent.
    collection: Option<String>,
    #[serde(default)]
    ask: Ask,
    /// The body of the request.
    request: String,
    ids: Option<Vec<Value>>,
    scores: Option<Vec<f32>>,
    order_values: Option<Vec<Value>>,
    next: Option<Value>,
    groups: Option<Vec<Group>>,
    count: Option<u64>,
    values: Option<Vec<(Value, u64)>>,
    /// The whole answer as JSON.
    answer: Option<String>,
    error: Option<Refusal>,
    /// Absolute tolerance of scores, when the usual one does not do.
    tolerance: Option<f32>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ask {
    #[default]
    Query,
    Groups,
    Retrieve,
    Scroll,
    Count,
    Facet,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    id: Value,
    ids: Vec<Value>,
    scores: Option<Vec<f32>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    kind: String,
    text: String,
}

/// Reads every file of the corpus, in the order of their names.
///
/// # Errors
/// Names the first file that cannot be read.
pub fn load() -> Result<Vec<Entry>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/conformance");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut entries = Vec::new();
    for file in files {
        let path = file.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
            entries.push(read(&name, &text)?);
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Reads one file; `name` is used in messages only.
///
/// # Errors
/// Says what is wrong with the text.
pub fn read(name: &str, text: &str) -> Result<Entry, String> {
    let entry: Entry = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
    Ok(Entry {
        name: name.to_owned(),
        ..entry
    })
}

impl Entry {
    /// How many cases the file has.
    pub fn cases(&self) -> usize {
        self.case.len()
    }

    /// The changes that make the collections of this file.
    ///
    /// # Errors
    /// Names the text that is not what it should be.
    pub fn setup(&self) -> Result<Vec<Change>, String> {
        let mut changes = Vec::new();
        for collection in &self.collection {
            collection
                .setup(&mut changes)
                .map_err(|error| format!("{} / {}: {error}", self.name, collection.name))?;
        }
        let actions = self
            .aliases
            .iter()
            .map(|(alias, collection)| AliasAction::CreateAlias {
                collection_name: collection.clone(),
                alias_name: alias.clone(),
            });
        changes.push(Change::Aliases(actions.collect()));
        Ok(changes)
    }

    /// Makes the collections in an empty subject, asks every question, and reports every answer that is wrong.
    ///
    /// # Errors
    /// One paragraph per wrong answer.
    pub fn run(&self, subject: &mut impl Subject) -> Result<(), String> {
        for change in self.setup()? {
            subject
                .change(&change)
                .map_err(|failure| format!("{}: {change:?}: {failure}", self.name))?;
        }
        self.check(subject)
    }

    /// Asks every question of a subject that has the collections, and reports every answer that is wrong.
    ///
    /// # Errors
    /// One paragraph per wrong answer.
    pub fn check(&self, subject: &impl Subject) -> Result<(), String> {
        let default = self.collection.first().map_or("", |collection| &collection.name);
        let mut wrong = String::new();
        for case in &self.case {
            let collection = case.collection.as_deref().unwrap_or(default);
            if let Err(error) = case.run(subject, collection) {
                // Writing to a string cannot fail.
                let _ = writeln!(wrong, "{} / {}: {error}\n", self.name, case.name);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl CollectionText {
    fn setup(&self, changes: &mut Vec<Change>) -> Result<(), String> {
        let name = self.name.clone();
        let create: CreateCollection = parse(&self.config)?;
        let config = Box::new(create.into_config().map_err(|invalid| invalid.to_string())?);
        changes.push(Change::CreateCollection {
            name: name.clone(),
            config,
        });
        for (field, schema) in &self.indexes {
            changes.push(Change::CreateIndex {
                collection: name.clone(),
                field: field.parse::<JsonPath>().map_err(|invalid| invalid.to_string())?,
                schema: parse::<FieldSchema>(schema)?,
            });
        }
        if let Some(points) = &self.points {
            let points: Value = parse(points)?;
            let body: UpsertBody = parse(&json!({ "points": points }).to_string())?;
            let op = body.into_op().map_err(|invalid| invalid.to_string())?;
            changes.push(Change::Update {
                collection: name.clone(),
                op,
            });
        }
        let operations: Vec<UpdateOperation> = self.changes.as_deref().map_or(Ok(Vec::new()), parse)?;
        for operation in operations {
            let op = operation.into_op().map_err(|invalid| invalid.to_string())?;
            changes.push(Change::Update {
                collection: name.clone(),
                op,
            });
        }
        Ok(())
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))
}

/// Decodes a request and checks its limits, as every door does.
fn request<T: serde::de::DeserializeOwned + Validate>(text: &str) -> Result<T, Failure> {
    let request: T = parse(text).map_err(Failure::broken)?;
    Check::all("internal", &request)?;
    Ok(request)
}

/// The parts of an answer that a case can state; absent parts do not apply.
#[derive(Default)]
struct Answer {
    ids: Option<Vec<Value>>,
    scores: Option<Vec<f32>>,
    order_values: Option<Vec<Value>>,
    next: Option<Value>,
    groups: Option<Vec<Group>>,
    count: Option<u64>,
    values: Option<Vec<(Value, u64)>>,
    json: Value,
}

impl Case {
    fn run(&self, subject: &impl Subject, collection: &str) -> Result<(), String> {
        let answer = match (self.ask(subject, collection), &self.error) {
            (Ok(answer), None) => answer,
            (Ok(answer), Some(refusal)) => {
                return Err(format!("want the refusal {refusal:?}\ngot {}", answer.json));
            }
            (Err(failure), None) => return Err(failure.to_string()),
            (Err(failure), Some(refusal)) => {
                let is_same =
                    format!("{:?}", failure.kind) == refusal.kind && failure.text.contains(&refusal.text);
                return if is_same {
                    Ok(())
                } else {
                    Err(format!("want {refusal:?}\ngot {failure}"))
                };
            }
        };
        let whole: Option<Value> = self.answer.as_deref().map(parse).transpose()?;
        let is_stated = [
            self.ids.is_some(),
            self.groups.is_some(),
            self.values.is_some(),
            whole.is_some(),
        ];
        if !is_stated.contains(&true) && self.count.is_none() {
            return Err("the case states no answer".to_owned());
        }
        let is_met = met(&self.ids, &answer.ids)
            && met(&self.order_values, &answer.order_values)
            && met(&self.next, &answer.next)
            && met(&self.count, &answer.count)
            && met(&self.values, &answer.values)
            && self.scores.as_ref().is_none_or(|want| {
                answer
                    .scores
                    .as_ref()
                    .is_some_and(|got| self.are_close(want, got))
            })
            && self
                .groups
                .as_ref()
                .is_none_or(|want| self.are_groups(want, answer.groups.as_deref()))
            && whole.as_ref().is_none_or(|want| *want == answer.json);
        if is_met {
            Ok(())
        } else {
            Err(format!("want {}\ngot {}", self.wanted(), answer.json))
        }
    }

    fn ask(&self, subject: &impl Subject, collection: &str) -> Result<Answer, Failure> {
        let text = &self.request;
        Ok(match self.ask {
            Ask::Query => Answer::of_points(&subject.query(collection, &request(text)?)?),
            Ask::Retrieve => Answer::of_records(&subject.retrieve(collection, &request(text)?)?),
            Ask::Scroll => {
                let page = subject.scroll(collection, &request(text)?)?;
                let next = page.next_page_offset.map(|id| json!(id));
                Answer {
                    next,
                    ..Answer::of_records(&page.points)
                }
            }
            Ask::Groups => {
                let groups = subject.groups(collection, &request(text)?)?;
                let parts = groups.iter().map(|group| Group {
                    id: json!(group.id),
                    ids: group.hits.iter().map(|hit| json!(hit.id)).collect(),
                    scores: Some(group.hits.iter().map(|hit| hit.score).collect()),
                });
                Answer {
                    groups: Some(parts.collect()),
                    json: json!(groups),
                    ..Answer::default()
                }
            }
            Ask::Count => {
                let count = subject.count(collection, &request(text)?)?;
                Answer {
                    count: Some(count),
                    json: json!(count),
                    ..Answer::default()
                }
            }
            Ask::Facet => {
                let hits = subject.facet(collection, &request(text)?)?;
                let values = hits.iter().map(|hit| (json!(hit.value), hit.count)).collect();
                Answer {
                    values: Some(values),
                    json: json!(hits),
                    ..Answer::default()
                }
            }
        })
    }

    fn are_close(&self, want: &[f32], got: &[f32]) -> bool {
        let absolute = self.tolerance.unwrap_or(ABSOLUTE);
        let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= absolute + RELATIVE * a.abs().max(b.abs());
        want.len() == got.len() && want.iter().zip(got).all(is_close)
    }

    fn are_groups(&self, want: &[Group], got: Option<&[Group]>) -> bool {
        let is_same = |(want, got): (&Group, &Group)| {
            let has_scores = match (&want.scores, &got.scores) {
                (Some(want), Some(got)) => self.are_close(want, got),
                (None, _) | (_, None) => true,
            };
            want.id == got.id && want.ids == got.ids && has_scores
        };
        got.is_some_and(|got| want.len() == got.len() && want.iter().zip(got).all(is_same))
    }

    fn wanted(&self) -> String {
        let parts = [
            ("ids", json!(self.ids)),
            ("scores", json!(self.scores)),
            ("order_values", json!(self.order_values)),
            ("next", json!(self.next)),
            ("count", json!(self.count)),
            ("values", json!(self.values)),
            ("answer", json!(self.answer)),
        ];
        let mut wanted: String = parts
            .iter()
            .filter(|(_, part)| !part.is_null())
            .map(|(name, part)| format!("{name} = {part} "))
            .collect();
        if let Some(groups) = &self.groups {
            let _ = write!(wanted, "groups = {groups:?}");
        }
        wanted
    }
}

fn met<T: PartialEq>(want: &Option<T>, got: &Option<T>) -> bool {
    want.is_none() || want == got
}

impl Answer {
    fn of_points(points: &[ScoredPoint]) -> Self {
        Self {
            ids: Some(points.iter().map(|point| json!(point.id)).collect()),
            scores: Some(points.iter().map(|point| point.score).collect()),
            order_values: Some(points.iter().map(|point| json!(point.order_value)).collect()),
            json: json!(points),
            ..Self::default()
        }
    }

    fn of_records(records: &[Record]) -> Self {
        Self {
            ids: Some(records.iter().map(|record| json!(record.id)).collect()),
            order_values: Some(records.iter().map(|record| json!(record.order_value)).collect()),
            json: json!(records),
            ..Self::default()
        }
    }
}

/// A corpus file, ready to paste, that asks this question of these contents and wants this answer. For failing
/// random tests: every defect becomes a file.
pub fn render(contents: &Contents, collection: &str, request: &QueryRequest, want: &[ScoredPoint]) -> String {
    let mut text = "about = \"found by a random test\"\n".to_owned();
    for (name, part) in &contents.collections {
        let config = CreateCollection {
            vectors: Some(VectorsConfig(part.config.vectors.clone())),
            sparse_vectors: Some(part.config.sparse_vectors.clone()),
            ..CreateCollection::default()
        };
        let points: Vec<String> = part
            .points
            .iter()
            .map(|point| format!("  {}", json!(point)))
            .collect();
        let _ = write!(
            text,
            "\n[[collection]]\nname = {name:?}\nconfig = '{}'\npoints = '''[\n{}\n]'''\n",
            json!(config),
            points.join(",\n")
        );
        let indexes: Vec<String> = part
            .indexes
            .iter()
            .map(|(path, schema)| format!("{path:?} = '{}'", json!(schema)))
            .collect();
        let _ = writeln!(text, "indexes = {{ {} }}", indexes.join(", "));
    }
    let ids: Vec<String> = want.iter().map(|point| json!(point.id).to_string()).collect();
    let scores: Vec<String> = want.iter().map(|point| format!("{:?}", point.score)).collect();
    let _ = write!(
        text,
        "\n[[case]]\nname = \"found\"\ncollection = {collection:?}\nrequest = '{}'\nids = [{}]\nscores = [{}]\n",
        json!(request),
        ids.join(", "),
        scores.join(", ")
    );
    if !contents.aliases.is_empty() {
        let _ = writeln!(text, "\n[aliases]");
        for (alias, own) in &contents.aliases {
            let _ = writeln!(text, "{alias:?} = {own:?}");
        }
    }
    text
}
