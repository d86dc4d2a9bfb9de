//! The engine as a subject of the test kit.

use std::sync::Arc;

use kindred::{Ctx, Database, Env, Error, ErrorKind};
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, Matrix, MatrixRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::{PayloadSelector, QueryRequest, VectorSelector};
use kindred_storage::{MemoryStore, Store};
use kindred_testkit::crash::Reopen;
use kindred_testkit::subject::{Change, CollectionContents, Contents, Failure, FailureKind, Subject};

/// A database without deadlines.
pub(crate) struct Engine {
    pub(crate) database: Database,
    ctx: Ctx,
}

impl Engine {
    /// An empty database in memory.
    pub(crate) fn in_memory() -> Self {
        Self::open(Arc::new(MemoryStore::new()), 1).unwrap()
    }

    pub(crate) fn matrix(&self, collection: &str, request: &MatrixRequest) -> Result<Matrix, Failure> {
        self.database
            .matrix(&self.ctx, collection, request)
            .map_err(failure)
    }
}

fn failure(error: Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::InvalidValues => FailureKind::InvalidValues,
        ErrorKind::InvalidInput => FailureKind::InvalidInput,
        ErrorKind::InvalidRequest => FailureKind::InvalidRequest,
        ErrorKind::NotFound => FailureKind::NotFound,
        ErrorKind::AlreadyExists => FailureKind::AlreadyExists,
        ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Busy
        | ErrorKind::Full
        | ErrorKind::Corrupt
        | ErrorKind::Internal => FailureKind::Broken,
    };
    Failure::new(kind, format!("{:?}: {error}", error.kind()))
}

impl Reopen for Engine {
    fn open(store: Arc<dyn Store>, seed: u64) -> Result<Self, Failure> {
        let database = Database::open_with(Env::with_seed(store, seed)).map_err(failure)?;
        Ok(Self {
            database,
            ctx: Ctx::unlimited(),
        })
    }
}

impl Subject for Engine {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        let database = &self.database;
        let outcome = match change.clone() {
            Change::CreateCollection { name, config } => database.create_collection(&name, *config),
            Change::DropCollection { name } => database.drop_collection(&name).map(drop),
            Change::Aliases(actions) => database.update_aliases(actions),
            Change::CreateIndex {
                collection,
                field,
                schema,
            } => database.create_index(&collection, field, schema).map(drop),
            Change::DropIndex { collection, field } => database.drop_index(&collection, &field).map(drop),
            Change::CreateVector {
                collection,
                name,
                vector,
            } => database.create_vector(&collection, &name, vector),
            Change::DropVector { collection, name } => database.drop_vector(&self.ctx, &collection, &name),
            Change::Update { collection, op } => database.update(&self.ctx, &collection, op).map(drop),
        };
        outcome.map_err(failure)
    }

    fn query(&self, collection: &str, request: &QueryRequest) -> Result<Vec<ScoredPoint>, Failure> {
        self.database
            .query(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn groups(&self, collection: &str, request: &GroupsRequest) -> Result<Vec<PointGroup>, Failure> {
        self.database
            .query_groups(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn retrieve(&self, collection: &str, request: &RetrieveRequest) -> Result<Vec<Record>, Failure> {
        self.database
            .retrieve(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn scroll(&self, collection: &str, request: &ScrollRequest) -> Result<ScrollPage, Failure> {
        self.database
            .scroll(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn count(&self, collection: &str, request: &CountRequest) -> Result<u64, Failure> {
        self.database
            .count(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn facet(&self, collection: &str, request: &FacetRequest) -> Result<Vec<FacetHit>, Failure> {
        self.database
            .facet(&self.ctx, collection, request)
            .map_err(failure)
    }

    fn contents(&self) -> Result<Contents, Failure> {
        let everything = ScrollRequest {
            offset: None,
            limit: u64::MAX,
            filter: None,
            with_payload: PayloadSelector::All(true),
            with_vector: VectorSelector::All(true),
            order_by: None,
        };
        let mut contents = Contents::default();
        for name in self.database.collections() {
            let info = self.database.info(&name).map_err(failure)?;
            let points = self.scroll(&name, &everything)?.points;
            if info.points_count != points.len() as u64 {
                return Err(Failure::broken(format!(
                    "{} of {} points",
                    points.len(),
                    info.points_count
                )));
            }
            let indexes = info
                .payload_schema
                .into_iter()
                .map(|(path, index)| (path, index.data_type));
            let part = CollectionContents {
                config: info.config,
                indexes: indexes.collect(),
                points,
            };
            contents.collections.insert(name, part);
        }
        let aliases = self.database.aliases(None).map_err(failure)?;
        contents.aliases = aliases
            .into_iter()
            .map(|alias| (alias.alias_name, alias.collection_name))
            .collect();
        Ok(contents)
    }
}
