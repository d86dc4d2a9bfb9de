//! The database: collections and aliases by name. Reads take the names of the present moment without waiting;
//! whatever changes names or settings goes through the catalog, one at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kindred_model::config::{
    AliasAction, CollectionConfig, FieldSchema, FieldType, NewVector, UpdateCollection,
};
use kindred_model::filter::Filter;
use kindred_model::limits;
use kindred_model::path::JsonPath;
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, Matrix, MatrixRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::{Selector, UpdateOp};
use kindred_storage::{Durability, Identity, LocalStore};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::aliases::{self, Alias};
use crate::catalog::{CatalogStore, Entry};
use crate::collection::info::CollectionInfo;
use crate::collection::view::Settings;
use crate::collection::{Collection, UpdateResult};
use crate::ctx::Ctx;
use crate::env::Env;
use crate::error::{Error, ErrorKind};
use crate::query::{Names, Reader};
use crate::upkeep;

/// An open database. Share it in an `Arc`; every method may be called from any thread.
pub struct Database {
    id: Uuid,
    env: Env,
    names: ArcSwap<Names>,
    catalog: Mutex<CatalogStore>,
}

impl Database {
    /// Opens the folder `path`, or makes it. One process at a time; every acknowledged change survives a crash.
    ///
    /// # Errors
    /// `Busy` when another process has the folder, `InvalidInput` when it holds something that is not a database,
    /// `Corrupt` when its bytes cannot be what was written; the text names the object.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let store = LocalStore::open(path.as_ref(), Durability::Fsync)?;
        Self::open_with(Env::new(Arc::new(store)))
    }

    /// Opens the database that lives in the store of `env`.
    ///
    /// # Errors
    /// As for [`Database::open`].
    pub fn open_with(env: Env) -> Result<Self, Error> {
        let identity = Identity::open(env.store.as_ref(), env.random_u128())?;
        let mut catalog = CatalogStore::open(Arc::clone(&env.store), env.random_uuid())?;
        upkeep::sweep(&env, &mut catalog)?;
        upkeep::account(&env, catalog.current())?;
        let mut names = Names {
            collections: BTreeMap::new(),
            aliases: catalog.current().aliases.clone(),
        };
        for (name, entry) in &catalog.current().collections {
            names
                .collections
                .insert(name.clone(), Arc::new(open_collection(&env, entry)?));
        }
        Ok(Self {
            id: Uuid::from_u128(identity.uuid),
            env,
            names: ArcSwap::from_pointee(names),
            catalog: Mutex::new(catalog),
        })
    }

    /// A random number that no other database has; it was drawn when the store was made.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The names of all collections, ascending.
    pub fn collections(&self) -> Vec<String> {
        self.names.load().collections.keys().cloned().collect()
    }

    /// Whether there is a collection or alias of this name.
    pub fn exists(&self, name: &str) -> bool {
        self.names.load().find(name).is_some()
    }

    /// Makes an empty collection.
    ///
    /// # Errors
    /// `AlreadyExists` for the name of a collection, `InvalidInput` for the name of an alias.
    pub fn create_collection(&self, name: &str, config: CollectionConfig) -> Result<(), Error> {
        let mut catalog = self.catalog.lock();
        let mut next = catalog.current().clone();
        if next.collections.contains_key(name) {
            let text = format!("Collection `{name}` already exists!");
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        if next.aliases.contains_key(name) {
            let text =
                format!("Can't create collection with name {name}. Alias with the same name already exists");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if next.collections.len() + next.aliases.len() >= limits::COLLECTIONS_MAX {
            let text = format!(
                "a database has at most {} collections and aliases",
                limits::COLLECTIONS_MAX
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let entry = Entry {
            uuid: self.env.random_uuid(),
            config,
            indexes: BTreeMap::new(),
        };
        // First the objects, then the catalog: what the catalog names is there.
        let collection = Arc::new(open_collection(&self.env, &entry)?);
        next.collections.insert(name.to_owned(), entry);
        // When this fails, the new catalog may be there all the same: what it may name must stay.
        catalog.commit(next)?;
        self.rename(|names| {
            names.collections.insert(name.to_owned(), collection);
        });
        Ok(())
    }

    /// Changes the settings of a collection.
    ///
    /// # Errors
    /// `NotFound` for an unknown name, `Invalid…` for a setting that does not fit.
    pub fn update_collection(&self, name: &str, patch: UpdateCollection) -> Result<(), Error> {
        self.reconfigure(name, |entry| Ok(entry.config.apply(patch)?))?;
        Ok(())
    }

    /// Removes a collection and its aliases; false when there is none of this name.
    ///
    /// # Errors
    /// When the removal could not be made durable.
    pub fn drop_collection(&self, name: &str) -> Result<bool, Error> {
        let mut catalog = self.catalog.lock();
        let mut next = catalog.current().clone();
        let Some(entry) = next.collections.remove(name) else {
            return Ok(false);
        };
        next.aliases.retain(|_, collection| collection != name);
        next.dropped.insert(entry.uuid);
        catalog.commit(next)?;
        let collection = self.names.load().collections.get(name).cloned();
        self.rename(|names| {
            names.collections.remove(name);
            names.aliases.retain(|_, collection| collection != name);
        });
        // Nothing may be written once the objects are being removed.
        collection.iter().for_each(|collection| collection.close());
        // What cannot be removed now is swept at the next opening.
        if upkeep::remove(&self.env, entry.uuid).is_ok() {
            catalog.forget(entry.uuid);
        }
        Ok(true)
    }

    /// Adds a vector field to a collection.
    ///
    /// # Errors
    /// `InvalidInput` when the name is taken.
    pub fn create_vector(&self, collection: &str, name: &str, vector: NewVector) -> Result<(), Error> {
        self.reconfigure(collection, |entry| Ok(entry.config.add_vector(name, vector)?))?;
        Ok(())
    }

    /// Removes a vector field, with the vectors of every point.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such field.
    pub fn drop_vector(&self, ctx: &Ctx, collection: &str, name: &str) -> Result<(), Error> {
        let selector = Selector::Filter(Filter::default());
        // Logged, so that a field of the same name made later does not find these vectors again.
        self.update(
            ctx,
            collection,
            UpdateOp::DeleteVectors {
                selector,
                names: vec![name.to_owned()],
            },
        )?;
        self.reconfigure(collection, |entry| Ok(entry.config.drop_vector(name)?))?;
        Ok(())
    }

    /// Runs alias actions in order; those before a failing one stay.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection or alias, `AlreadyExists` for the name of a collection.
    pub fn update_aliases(&self, actions: Vec<AliasAction>) -> Result<(), Error> {
        let mut catalog = self.catalog.lock();
        let mut next = catalog.current().clone();
        let mut outcome = Ok(());
        for action in actions {
            outcome = aliases::apply(&mut next, action);
            if outcome.is_err() {
                break;
            }
        }
        if next.aliases != catalog.current().aliases {
            catalog.commit(next)?;
            let aliases = catalog.current().aliases.clone();
            self.rename(|names| names.aliases = aliases);
        }
        outcome
    }

    /// All aliases, or those of one collection.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection.
    pub fn aliases(&self, collection: Option<&str>) -> Result<Vec<Alias>, Error> {
        let names = self.names.load();
        if let Some(name) = collection
            && !names.collections.contains_key(name)
        {
            return Err(Error::no_collection(name));
        }
        let aliases = names
            .aliases
            .iter()
            .filter(|(_, own)| collection.is_none_or(|name| name == own.as_str()));
        let alias = |(alias, own): (&String, &String)| Alias {
            alias_name: alias.clone(),
            collection_name: own.clone(),
        };
        Ok(aliases.map(alias).collect())
    }

    /// What a collection says about itself.
    ///
    /// # Errors
    /// `NotFound` for an unknown name.
    pub fn info(&self, collection: &str) -> Result<CollectionInfo, Error> {
        Ok(self.names.load().collection(collection)?.view().info())
    }

    /// Makes, or replaces, the index on a payload field.
    ///
    /// # Errors
    /// `InvalidInput` for an index on texts, which is not built yet.
    pub fn create_index(
        &self,
        collection: &str,
        field: JsonPath,
        schema: FieldSchema,
    ) -> Result<UpdateResult, Error> {
        if schema.data_type() == FieldType::Text {
            let text = "Full-text indexes are not built yet; match.text works without one, by substring";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        self.reconfigure(collection, |entry| {
            entry.indexes.insert(field, schema);
            if entry.indexes.len() > limits::PAYLOAD_INDEXES_MAX {
                let text = format!(
                    "a collection has at most {} payload indexes",
                    limits::PAYLOAD_INDEXES_MAX
                );
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            Ok(())
        })
    }

    /// Removes the index on a payload field, if there is one.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection.
    pub fn drop_index(&self, collection: &str, field: &JsonPath) -> Result<UpdateResult, Error> {
        self.reconfigure(collection, |entry| {
            entry.indexes.remove(field);
            Ok(())
        })
    }

    /// Changes points: durable and visible when it returns.
    ///
    /// # Errors
    /// `InvalidInput` when the change does not fit the collection, `NotFound` for points that must exist,
    /// `Busy` when the collection's writer has stopped, `Full` when there is no room.
    pub fn update(&self, ctx: &Ctx, collection: &str, op: UpdateOp) -> Result<UpdateResult, Error> {
        ctx.check()?;
        self.names.load().collection(collection)?.update(op)
    }

    /// The results of one query, best first.
    ///
    /// # Errors
    /// `Invalid…` for a query that does not fit, `NotFound` for example points that do not exist.
    pub fn query(
        &self,
        ctx: &Ctx,
        collection: &str,
        request: &QueryRequest,
    ) -> Result<Vec<ScoredPoint>, Error> {
        self.read(ctx, collection, |reader| reader.query(request))
    }

    /// The results of several queries on one moment of the collection.
    ///
    /// # Errors
    /// The first failing query fails the batch.
    pub fn query_batch(
        &self,
        ctx: &Ctx,
        collection: &str,
        requests: &[QueryRequest],
    ) -> Result<Vec<Vec<ScoredPoint>>, Error> {
        self.read(ctx, collection, |reader| {
            requests.iter().map(|request| reader.query(request)).collect()
        })
    }

    /// The results of a query, grouped by a payload field.
    ///
    /// # Errors
    /// As for [`Database::query`].
    pub fn query_groups(
        &self,
        ctx: &Ctx,
        collection: &str,
        request: &GroupsRequest,
    ) -> Result<Vec<PointGroup>, Error> {
        self.read(ctx, collection, |reader| reader.query_groups(request))
    }

    /// The closest neighbours within a random sample.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown vector or a matrix that is too large.
    pub fn matrix(&self, ctx: &Ctx, collection: &str, request: &MatrixRequest) -> Result<Matrix, Error> {
        self.read(ctx, collection, |reader| reader.matrix(request))
    }

    /// Points by id.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown vector name.
    pub fn retrieve(
        &self,
        ctx: &Ctx,
        collection: &str,
        request: &RetrieveRequest,
    ) -> Result<Vec<Record>, Error> {
        self.read(ctx, collection, |reader| reader.retrieve(request))
    }

    /// A page of points by id, or by the value of a field.
    ///
    /// # Errors
    /// `InvalidInput` when the field has no index that knows ranges.
    pub fn scroll(&self, ctx: &Ctx, collection: &str, request: &ScrollRequest) -> Result<ScrollPage, Error> {
        self.read(ctx, collection, |reader| reader.scroll(request))
    }

    /// How many points pass a filter.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection.
    pub fn count(&self, ctx: &Ctx, collection: &str, request: &CountRequest) -> Result<u64, Error> {
        self.read(ctx, collection, |reader| reader.count(request))
    }

    /// The most frequent values of a field.
    ///
    /// # Errors
    /// `InvalidInput` when the field has no index that can be counted.
    pub fn facet(&self, ctx: &Ctx, collection: &str, request: &FacetRequest) -> Result<Vec<FacetHit>, Error> {
        self.read(ctx, collection, |reader| reader.facet(request))
    }

    fn read<R>(
        &self,
        ctx: &Ctx,
        collection: &str,
        answer: impl FnOnce(&Reader<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let names = self.names.load_full();
        answer(&Reader::open(&names, collection, ctx, &self.env)?)
    }

    /// Changes the settings of a collection: in the catalog first, then in its views.
    fn reconfigure(
        &self,
        name: &str,
        change: impl FnOnce(&mut Entry) -> Result<(), Error>,
    ) -> Result<UpdateResult, Error> {
        let mut catalog = self.catalog.lock();
        let names = self.names.load_full();
        let collection = names.collection(name)?;
        let own_name = names.aliases.get(name).map_or(name, String::as_str);
        let mut next = catalog.current().clone();
        let entry = next
            .collections
            .get_mut(own_name)
            .ok_or_else(|| Error::no_collection(name))?;
        change(entry)?;
        let settings = settings(entry);
        collection.reconfigure(settings, || catalog.commit(next))
    }

    fn rename(&self, change: impl FnOnce(&mut Names)) {
        let mut names = Names::clone(&self.names.load());
        change(&mut names);
        self.names.store(Arc::new(names));
    }
}

fn settings(entry: &Entry) -> Settings {
    Settings {
        config: entry.config.clone(),
        indexes: entry.indexes.clone(),
    }
}

fn open_collection(env: &Env, entry: &Entry) -> Result<Collection, Error> {
    let shard = upkeep::shard(entry.uuid);
    Collection::open(Arc::clone(&env.store), &shard, env.random_u128(), settings(entry))
}
