//! The database as a `BTreeMap` per collection, answering by `model` alone: no kernels, no segments, no log. Written
//! to be read, not to be fast; everything else is tested against it.

use std::collections::BTreeMap;

use kindred_model::config::{AliasAction, CollectionConfig, FieldSchema};
use kindred_model::filter::{Filter, PointView};
use kindred_model::id::PointId;
use kindred_model::path::JsonPath;
use kindred_model::point::{Point, Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;

use crate::subject::{Change, CollectionContents, Contents, Failure, FailureKind, Subject};

mod update;
mod select;
mod resolve;
mod ranking;
mod tree;
mod lists;
mod groups;
mod matrix;

pub use ranking::Trust;
pub use tree::Judged;

/// A database in plain maps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    collections: BTreeMap<String, Collection>,
    aliases: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Collection {
    config: CollectionConfig,
    indexes: BTreeMap<JsonPath, FieldSchema>,
    points: BTreeMap<PointId, Stored>,
    /// The number of the last change of points.
    version: u64,
}

/// A point with canonical vectors, and the number of the change that last touched it.
#[derive(Debug, Clone, PartialEq)]
struct Stored {
    version: u64,
    point: Point,
}

impl Collection {
    fn new(config: CollectionConfig) -> Self {
        Self {
            config,
            indexes: BTreeMap::new(),
            points: BTreeMap::new(),
            version: 0,
        }
    }

    /// The ids that pass, ascending.
    fn passing(&self, filter: &Filter) -> Vec<PointId> {
        let stored = self.points.values().filter(|stored| stored.passes(filter));
        stored.map(|stored| stored.point.id).collect()
    }
}

impl Stored {
    fn passes(&self, filter: &Filter) -> bool {
        self.view(|view| filter.matches(view))
    }

    fn view<R>(&self, read: impl FnOnce(&PointView<'_>) -> R) -> R {
        let has_vector = |name: &str| self.point.vectors.find(name).is_some();
        read(&PointView {
            id: self.point.id,
            payload: &self.point.payload,
            has_vector: &has_vector,
        })
    }
}

fn no_collection(name: &str) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        format!("Collection `{name}` doesn't exist!"),
    )
}

impl Reference {
    /// An empty database.
    pub fn new() -> Self {
        Self::default()
    }

    /// The collection of this name or alias.
    fn find(&self, name: &str) -> Option<&Collection> {
        self.collections
            .get(name)
            .or_else(|| self.collections.get(self.aliases.get(name)?))
    }

    fn collection(&self, name: &str) -> Result<&Collection, Failure> {
        self.find(name).ok_or_else(|| no_collection(name))
    }

    fn collection_mut(&mut self, name: &str) -> Result<&mut Collection, Failure> {
        let own = if self.collections.contains_key(name) {
            Some(name)
        } else {
            self.aliases.get(name).map(String::as_str)
        };
        own.and_then(|own| self.collections.get_mut(own))
            .ok_or_else(|| no_collection(name))
    }

    fn create_collection(&mut self, name: &str, config: CollectionConfig) -> Result<(), Failure> {
        if self.collections.contains_key(name) {
            return Err(taken(name));
        }
        if self.aliases.contains_key(name) {
            let text =
                format!("Can't create collection with name {name}. Alias with the same name already exists");
            return Err(Failure::new(FailureKind::InvalidInput, text));
        }
        self.collections.insert(name.to_owned(), Collection::new(config));
        Ok(())
    }

    fn alias(&mut self, action: &AliasAction) -> Result<(), Failure> {
        match action {
            AliasAction::CreateAlias {
                collection_name,
                alias_name,
            } => {
                if self.collections.contains_key(alias_name) {
                    return Err(taken(alias_name));
                }
                if !self.collections.contains_key(collection_name) {
                    return Err(no_collection(collection_name));
                }
                self.aliases.insert(alias_name.clone(), collection_name.clone());
            }
            AliasAction::DeleteAlias { alias_name } => drop(self.aliases.remove(alias_name)),
            AliasAction::RenameAlias {
                old_alias_name,
                new_alias_name,
            } => {
                if self.collections.contains_key(new_alias_name) {
                    return Err(taken(new_alias_name));
                }
                let Some(collection) = self.aliases.remove(old_alias_name) else {
                    let text = format!("Alias {old_alias_name} does not exists!");
                    return Err(Failure::new(FailureKind::NotFound, text));
                };
                self.aliases.insert(new_alias_name.clone(), collection);
            }
        }
        Ok(())
    }
}

fn taken(name: &str) -> Failure {
    Failure::new(
        FailureKind::AlreadyExists,
        format!("Collection `{name}` already exists!"),
    )
}

impl Subject for Reference {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::CreateCollection { name, config } => {
                self.create_collection(name, config.as_ref().clone())
            }
            Change::DropCollection { name } => {
                self.collections.remove(name);
                self.aliases.retain(|_, collection| collection != name);
                Ok(())
            }
            Change::Aliases(actions) => actions.iter().try_for_each(|action| self.alias(action)),
            Change::CreateIndex {
                collection,
                field,
                schema,
            } => {
                self.collection_mut(collection)?
                    .indexes
                    .insert(field.clone(), schema.clone());
                Ok(())
            }
            Change::DropIndex { collection, field } => {
                self.collection_mut(collection)?.indexes.remove(field);
                Ok(())
            }
            Change::CreateVector {
                collection,
                name,
                vector,
            } => Ok(self
                .collection_mut(collection)?
                .config
                .add_vector(name, vector.clone())?),
            Change::DropVector { collection, name } => self.collection_mut(collection)?.drop_vector(name),
            Change::Seal { collection } | Change::Compact { collection } => {
                self.collection(collection).map(drop)
            }
            Change::Update { collection, op } => self.collection_mut(collection)?.update(op.clone()),
        }
    }

    fn query(&self, collection: &str, request: &QueryRequest) -> Result<Vec<ScoredPoint>, Failure> {
        Ok(self.judge(collection, request)?.points)
    }

    fn groups(&self, collection: &str, request: &GroupsRequest) -> Result<Vec<PointGroup>, Failure> {
        Ok(self.judge_groups(collection, request)?.0)
    }

    fn retrieve(&self, collection: &str, request: &RetrieveRequest) -> Result<Vec<Record>, Failure> {
        self.collection(collection)?.retrieve(request)
    }

    fn scroll(&self, collection: &str, request: &ScrollRequest) -> Result<ScrollPage, Failure> {
        self.collection(collection)?.scroll(request)
    }

    fn count(&self, collection: &str, request: &CountRequest) -> Result<u64, Failure> {
        let filter = request.filter.clone().unwrap_or_default();
        Ok(self.collection(collection)?.passing(&filter).len() as u64)
    }

    fn facet(&self, collection: &str, request: &FacetRequest) -> Result<Vec<FacetHit>, Failure> {
        self.collection(collection)?.facet(request)
    }

    fn contents(&self) -> Result<Contents, Failure> {
        let contents = self.collections.iter().map(|(name, collection)| {
            let points = collection.points.values().map(|stored| Record {
                id: stored.point.id,
                payload: Some(stored.point.payload.clone()),
                vector: Some(stored.point.vectors.clone()),
                order_value: None,
            });
            let indexes = collection.indexes.iter();
            let contents = CollectionContents {
                config: collection.config.clone(),
                indexes: indexes
                    .map(|(path, schema)| (path.to_string(), schema.data_type()))
                    .collect(),
                points: points.collect(),
            };
            (name.clone(), contents)
        });
        Ok(Contents {
            collections: contents.collect(),
            aliases: self.aliases.clone(),
        })
    }
}
