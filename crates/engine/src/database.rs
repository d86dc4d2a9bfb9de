//! The database: collections and aliases by name. Reads take the names of the present moment without waiting;
//! whatever changes names or settings goes through the catalog, one at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kindred_model::config::{AliasAction, CollectionConfig};
use kindred_model::limits;
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, Matrix, MatrixRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::UpdateOp;
use kindred_storage::{Durability, Identity, LocalStore};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::aliases::{self, Alias};
use crate::background::Background;
use crate::catalog::{CatalogStore, Entry};
use crate::collection::UpdateResult;
use crate::collection::info::CollectionInfo;
use crate::collection::jobs::Task;
use crate::ctx::Ctx;
use crate::env::{Env, Tuning, Upkeep};
use crate::error::{Error, ErrorKind};
use crate::query::{Names, Reader, Slot};
use crate::recovery;
use crate::shelf::Shelf;
use crate::upkeep;

/// An open database. Share it in an `Arc`; every method may be called from any thread.
pub struct Database {
    id: Uuid,
    pub(crate) env: Env,
    pub(crate) names: Arc<ArcSwap<Names>>,
    pub(crate) catalog: Arc<Mutex<CatalogStore>>,
    notices: Vec<String>,
    /// Where snapshots are kept, if anywhere.
    pub(crate) shelf: Option<Shelf>,
    /// Ends with the database.
    _background: Option<Background>,
}

impl Database {
    /// Opens the folder `path`, or makes it. One process at a time; every acknowledged change survives a crash.
    ///
    /// # Errors
    /// `Busy` when another process has the folder, `InvalidInput` when it holds something that is not a database,
    /// `Corrupt` when the catalog cannot be what was written; the text names the object. A collection that cannot be
    /// read does not stop the others: see [`Database::notices`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_tuned(path, Tuning::default(), Durability::Fsync)
    }

    /// As [`Database::open`], with sealing and merging due when `tuning` says.
    ///
    /// # Errors
    /// As for [`Database::open`].
    pub fn open_tuned(path: impl AsRef<Path>, tuning: Tuning, durability: Durability) -> Result<Self, Error> {
        let store = LocalStore::open(path.as_ref(), durability)?;
        let mut env = Env::new(Arc::new(store));
        env.tuning = tuning;
        Self::open_with(env)
    }

    /// Opens the database that lives in the store of `env`.
    ///
    /// # Errors
    /// As for [`Database::open`].
    pub fn open_with(env: Env) -> Result<Self, Error> {
        let identity = Identity::open(env.store.as_ref(), env.random_u128())?;
        let mut catalog = CatalogStore::open(Arc::clone(&env.store), env.random_uuid())?;
        upkeep::sweep(&env, &mut catalog)?;
        let mut notices = upkeep::account(&env, catalog.current())?;
        let names = Names {
            collections: recovery::open_all(&env, catalog.current()),
            aliases: catalog.current().aliases.clone(),
        };
        notices.extend(recovery::notices(&names));
        let names = Arc::new(ArcSwap::from_pointee(names));
        let catalog = Arc::new(Mutex::new(catalog));
        let background = match env.upkeep {
            Upkeep::Background => Some(Background::start(&env, &names, &catalog)?),
            Upkeep::Manual => None,
        };
        Ok(Self {
            id: Uuid::from_u128(identity.uuid),
            env,
            names,
            catalog,
            notices,
            shelf: None,
            _background: background,
        })
    }

    /// What an owner should know about the opening: collections that are broken or damaged, objects that belong to
    /// none. Nothing of it stops the others.
    pub fn notices(&self) -> &[String] {
        &self.notices
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
        let current = catalog.current();
        if current.collections.contains_key(name) {
            let text = format!("Collection `{name}` already exists!");
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        if current.aliases.contains_key(name) {
            let text =
                format!("Can't create collection with name {name}. Alias with the same name already exists");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if current.collections.len() + current.aliases.len() >= limits::COLLECTIONS_MAX {
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
        catalog.announce(&[entry.uuid])?;
        // First the objects, then the catalog: what the catalog names is there.
        let collection = Slot::Open(Arc::new(recovery::open(
            &self.env,
            &entry,
            self.env.random_u128(),
        )?));
        let mut next = catalog.current().clone();
        next.dropped.remove(&entry.uuid);
        next.collections.insert(name.to_owned(), entry);
        // When this fails, the new catalog may be there all the same: what it may name must stay.
        catalog.commit(next)?;
        self.rename(|names| {
            names.collections.insert(name.to_owned(), collection);
        });
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
        let collection = self.names.load().collections.get(name).cloned();
        if let Err(error) = catalog.commit(next) {
            if let Some(Slot::Open(collection)) = &collection
                && error.leaves_doubt()
            {
                // What is written to it from now on might not be kept: the next opening knows.
                collection.halt();
            }
            return Err(error);
        }
        self.rename(|names| {
            names.collections.remove(name);
            names.aliases.retain(|_, collection| collection != name);
        });
        // Nothing may be written once the objects are being removed.
        if let Some(Slot::Open(collection)) = &collection {
            collection.close();
        }
        // What cannot be removed now is swept at the next opening.
        if upkeep::remove(&self.env, entry.uuid).is_ok() {
            catalog.forget(entry.uuid);
        }
        Ok(true)
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

    /// What a collection says about itself; also when it is broken.
    ///
    /// # Errors
    /// `NotFound` for an unknown name.
    pub fn info(&self, collection: &str) -> Result<CollectionInfo, Error> {
        let names = self.names.load();
        match names.find(collection) {
            None => Err(Error::no_collection(collection)),
            Some(Slot::Open(collection)) => Ok(collection.info()),
            Some(Slot::Broken(broken)) => Ok(CollectionInfo::of_broken(&broken.settings, &broken.why)),
        }
    }

    /// Moves everything that is only in the collection's log to a segment; false when nothing is.
    ///
    /// # Errors
    /// `Full` when there is no room, `Busy` when the writer has stopped.
    pub fn seal(&self, ctx: &Ctx, collection: &str) -> Result<bool, Error> {
        self.names.load().collection(collection)?.run(&Task::Seal, ctx)
    }

    /// Does the most useful job on the collection's segments in this thread; false when none is due.
    ///
    /// # Errors
    /// As for [`Database::seal`]; `Cancelled` or `Timeout` when `ctx` says so.
    pub fn compact(&self, ctx: &Ctx, collection: &str) -> Result<bool, Error> {
        let names = self.names.load();
        let collection = names.collection(collection)?;
        match collection.pending() {
            None => Ok(false),
            Some(task) => collection.run(&task, ctx),
        }
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

    pub(crate) fn rename(&self, change: impl FnOnce(&mut Names)) {
        let mut names = Names::clone(&self.names.load());
        change(&mut names);
        self.names.store(Arc::new(names));
    }
}
