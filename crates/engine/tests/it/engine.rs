//! The engine as a subject of the test kit.

use std::sync::Arc;
use std::time::Duration;

use kindred::{Ctx, Database, Env, Error, ErrorKind, Tuning};
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, Matrix, MatrixRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::{PayloadSelector, QueryRequest, VectorSelector};
use kindred_storage::{MemoryStore, Store};
use kindred_testkit::crash::{Handle, Shared};
use kindred_testkit::subject::{Change, CollectionContents, Contents, Failure, FailureKind, Subject};

/// Seals after every few changes, merges as soon as there are two segments.
pub(crate) const EAGER: Tuning = Tuning {
    seal_bytes: 100,
    seal_age: Duration::MAX,
    tier_factor: 2,
    segment_bytes_max: u64::MAX,
};

/// Seals when it is told to, merges as soon as there are two segments.
pub(crate) const PATIENT: Tuning = Tuning {
    seal_bytes: u64::MAX,
    ..EAGER
};

/// Jobs that may follow each other before that looks endless.
const JOBS_MAX: usize = 64;

/// A database without deadlines.
pub(crate) struct Engine {
    pub(crate) database: Arc<Database>,
    ctx: Ctx,
}

impl Engine {
    /// An open database.
    pub(crate) fn of(database: impl Into<Arc<Database>>) -> Self {
        Self {
            database: database.into(),
            ctx: Ctx::unlimited(),
        }
    }

    /// An empty database in memory.
    pub(crate) fn in_memory() -> Self {
        Self::tuned(Arc::new(MemoryStore::new()), 1, Tuning::default()).unwrap()
    }

    /// What the store holds, without work in the background.
    pub(crate) fn tuned(store: Arc<dyn Store>, seed: u64, tuning: Tuning) -> Result<Self, Failure> {
        let mut env = Env::with_seed(store, seed);
        env.tuning = tuning;
        Ok(Self {
            database: Arc::new(Database::open_with(env).map_err(failure)?),
            ctx: Ctx::unlimited(),
        })
    }

    /// An empty database in memory with a thread that seals and merges all the time.
    pub(crate) fn busy() -> Self {
        let mut env = Env::new(Arc::new(MemoryStore::new()));
        env.tuning = EAGER;
        Self {
            database: Arc::new(Database::open_with(env).unwrap()),
            ctx: Ctx::unlimited(),
        }
    }

    /// With [`EAGER`].
    pub(crate) fn open(store: Arc<dyn Store>, seed: u64) -> Result<Self, Failure> {
        Self::tuned(store, seed, EAGER)
    }

    /// With [`PATIENT`].
    pub(crate) fn patient(store: Arc<dyn Store>, seed: u64) -> Result<Self, Failure> {
        Self::tuned(store, seed, PATIENT)
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
        ErrorKind::Full => FailureKind::Full,
        ErrorKind::Forbidden
        | ErrorKind::Mismatch
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Busy
        | ErrorKind::Corrupt
        | ErrorKind::Internal => FailureKind::Broken,
    };
    Failure::new(kind, format!("{:?}: {error}", error.kind()))
}

fn make(database: &Database, change: &Change) -> Result<(), Failure> {
    let ctx = Ctx::unlimited();
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
        Change::DropVector { collection, name } => database.drop_vector(&collection, &name),
        Change::Update { collection, op } => database.update(&ctx, &collection, op).map(drop),
        Change::Seal { collection } => database.seal(&ctx, &collection).map(drop),
        Change::Compact { collection } => compact(database, &collection),
    };
    outcome.map_err(failure)
}

fn compact(database: &Database, collection: &str) -> Result<(), Error> {
    for _ in 0..JOBS_MAX {
        if !database.compact(&Ctx::unlimited(), collection)? {
            return Ok(());
        }
    }
    panic!("the work on `{collection}` does not end");
}

impl Shared for Engine {
    fn handle(&self) -> Option<Handle> {
        let database = Arc::downgrade(&self.database);
        Some(Box::new(move |change| {
            let database = database.upgrade();
            let database = database.ok_or_else(|| Failure::broken("the database is closed"))?;
            make(&database, change)
        }))
    }
}

impl Subject for Engine {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        make(&self.database, change)
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
