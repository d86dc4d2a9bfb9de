//! What tests put changes and questions to: the reference, the engine, a server. One trait, so that one corpus and
//! one workload serve them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kindred_model::config::{AliasAction, CollectionConfig, FieldSchema, FieldType, NewVector};
use kindred_model::error::Invalid;
use kindred_model::path::JsonPath;
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::UpdateOp;

/// One change of a database.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Makes an empty collection.
    CreateCollection {
        /// Its name.
        name: String,
        /// Its settings.
        config: Box<CollectionConfig>,
    },
    /// Removes a collection and its aliases; an unknown one is no failure.
    DropCollection {
        /// Its name.
        name: String,
    },
    /// Runs alias actions in order; those before a failing one stay.
    Aliases(Vec<AliasAction>),
    /// Makes or replaces a payload index.
    CreateIndex {
        /// Collection or alias.
        collection: String,
        /// The indexed field.
        field: JsonPath,
        /// Its type.
        schema: FieldSchema,
    },
    /// Removes a payload index, if there is one.
    DropIndex {
        /// Collection or alias.
        collection: String,
        /// The indexed field.
        field: JsonPath,
    },
    /// Adds a vector field.
    CreateVector {
        /// Collection or alias.
        collection: String,
        /// The name of the vector.
        name: String,
        /// Its settings.
        vector: NewVector,
    },
    /// Removes a vector field and its vectors.
    DropVector {
        /// Collection or alias.
        collection: String,
        /// The name of the vector.
        name: String,
    },
    /// Changes points.
    Update {
        /// Collection or alias.
        collection: String,
        /// The change.
        op: UpdateOp,
    },
    /// Moves everything that is only in the log to a segment. Changes no contents.
    Seal {
        /// Collection or alias.
        collection: String,
    },
    /// Does what is due to the segments until nothing is. Changes no contents.
    Compact {
        /// Collection or alias.
        collection: String,
    },
}

impl Change {
    /// Whether it only takes away, so that a full store must not refuse it.
    pub fn makes_room(&self) -> bool {
        match self {
            Self::DropCollection { .. } | Self::DropIndex { .. } | Self::DropVector { .. } => true,
            Self::Update { op, .. } => match op {
                UpdateOp::Delete(_)
                | UpdateOp::DeleteVectors { .. }
                | UpdateOp::DeletePayload { .. }
                | UpdateOp::ClearPayload(_) => true,
                UpdateOp::Upsert { .. }
                | UpdateOp::UpdateVectors { .. }
                | UpdateOp::SetPayload { .. }
                | UpdateOp::OverwritePayload { .. } => false,
            },
            Self::CreateCollection { .. }
            | Self::Aliases(_)
            | Self::CreateIndex { .. }
            | Self::CreateVector { .. }
            | Self::Seal { .. }
            | Self::Compact { .. } => false,
        }
    }
}

/// A refused change or question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the caller can do about it.
    pub kind: FailureKind,
    /// The reason, without the prefix that a door puts in front.
    pub text: String,
}

/// What the caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A value lies outside its limits.
    InvalidValues,
    /// The input contradicts the collection.
    InvalidInput,
    /// The parts of the request do not go together.
    InvalidRequest,
    /// What is named does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// There is no room; nothing has changed.
    Full,
    /// Not a refusal: the subject itself, or the store below it, has failed.
    Broken,
}

impl Failure {
    /// A failure of this kind for this reason.
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// The subject itself has failed.
    pub fn broken(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Broken, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        let kind = match &invalid {
            Invalid::Values(_) => FailureKind::InvalidValues,
            Invalid::Input(_) => FailureKind::InvalidInput,
            Invalid::Request(_) => FailureKind::InvalidRequest,
        };
        Self::new(kind, invalid.to_string())
    }
}

/// Everything that a database holds, for comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// The collections by name.
    pub collections: BTreeMap<String, CollectionContents>,
    /// From alias to collection.
    pub aliases: BTreeMap<String, String>,
}

/// Everything that a collection holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionContents {
    /// Its settings.
    pub config: CollectionConfig,
    /// The types of its payload indexes by path.
    pub indexes: BTreeMap<String, FieldType>,
    /// All points by id, with payload and vectors.
    pub points: Vec<Record>,
}

impl Contents {
    /// What differs, one line per thing; for messages.
    pub fn difference(&self, want: &Self) -> String {
        let mut lines = Vec::new();
        if self.aliases != want.aliases {
            lines.push(format!("aliases {:?}, want {:?}", self.aliases, want.aliases));
        }
        let names: BTreeSet<&String> = self.collections.keys().chain(want.collections.keys()).collect();
        for name in names {
            match (self.collections.get(name), want.collections.get(name)) {
                (Some(found), Some(want)) => found.difference(name, want, &mut lines),
                (Some(_), None) => lines.push(format!("{name} is there, want none")),
                (None, _) => lines.push(format!("{name} is missing")),
            }
        }
        lines.join("\n")
    }
}

impl CollectionContents {
    fn difference(&self, name: &str, want: &Self, lines: &mut Vec<String>) {
        if self.config != want.config {
            lines.push(format!(
                "{name}: config {:?}, want {:?}",
                self.config, want.config
            ));
        }
        if self.indexes != want.indexes {
            lines.push(format!(
                "{name}: indexes {:?}, want {:?}",
                self.indexes, want.indexes
            ));
        }
        let more = self.points.iter().filter(|point| !want.points.contains(point));
        lines.extend(more.map(|point| format!("{name}: found {point:?}")));
        let missing = want.points.iter().filter(|point| !self.points.contains(point));
        lines.extend(missing.map(|point| format!("{name}: want {point:?}")));
    }
}

/// Something that behaves as a database.
pub trait Subject {
    /// Makes one change.
    fn change(&mut self, change: &Change) -> Result<(), Failure>;

    /// Answers a query.
    fn query(&self, collection: &str, request: &QueryRequest) -> Result<Vec<ScoredPoint>, Failure>;

    /// Answers a grouped query.
    fn groups(&self, collection: &str, request: &GroupsRequest) -> Result<Vec<PointGroup>, Failure>;

    /// Reads points by id.
    fn retrieve(&self, collection: &str, request: &RetrieveRequest) -> Result<Vec<Record>, Failure>;

    /// Reads a page of points.
    fn scroll(&self, collection: &str, request: &ScrollRequest) -> Result<ScrollPage, Failure>;

    /// Counts points.
    fn count(&self, collection: &str, request: &CountRequest) -> Result<u64, Failure>;

    /// Counts points by the values of a field.
    fn facet(&self, collection: &str, request: &FacetRequest) -> Result<Vec<FacetHit>, Failure>;

    /// Everything that is there.
    fn contents(&self) -> Result<Contents, Failure>;
}
