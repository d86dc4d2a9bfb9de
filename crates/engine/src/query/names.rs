//! Who answers: the collections by name, and one view of one of them under the eyes of one caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collection::Collection;
use crate::collection::view::{Settings, View};
use crate::ctx::Ctx;
use crate::env::Env;
use crate::error::{Error, ErrorKind};

/// A collection that the catalog names.
#[derive(Clone)]
pub(crate) enum Slot {
    Open(Arc<Collection>),
    /// It could not be opened. The others are not concerned.
    Broken(Arc<Broken>),
}

/// What is known of a collection that could not be opened.
pub(crate) struct Broken {
    pub(crate) settings: Settings,
    pub(crate) kind: ErrorKind,
    pub(crate) why: String,
}

impl Slot {
    /// The collection, or why there is none.
    pub(crate) fn open(&self) -> Result<&Arc<Collection>, Error> {
        match self {
            Self::Open(collection) => Ok(collection),
            Self::Broken(broken) => Err(Error::new(
                broken.kind,
                format!("this collection could not be opened: {}", broken.why),
            )),
        }
    }
}

/// The collections and aliases of a moment.
#[derive(Clone, Default)]
pub(crate) struct Names {
    pub(crate) collections: BTreeMap<String, Slot>,
    /// From alias to collection.
    pub(crate) aliases: BTreeMap<String, String>,
}

impl Names {
    /// The collection of this name or alias.
    pub(crate) fn find(&self, name: &str) -> Option<&Slot> {
        self.collections
            .get(name)
            .or_else(|| self.collections.get(self.aliases.get(name)?))
    }

    /// The same, open, or the error that names it.
    pub(crate) fn collection(&self, name: &str) -> Result<&Arc<Collection>, Error> {
        self.find(name).ok_or_else(|| Error::no_collection(name))?.open()
    }
}

/// One caller reading one moment of one collection.
pub(crate) struct Reader<'a> {
    pub(crate) names: &'a Names,
    /// The collection's name as the caller wrote it, which may be an alias.
    pub(crate) name: &'a str,
    pub(crate) view: Arc<View>,
    pub(crate) ctx: &'a Ctx,
    pub(crate) env: &'a Env,
}

impl<'a> Reader<'a> {
    /// Reads the present moment of the collection `name`.
    pub(crate) fn open(names: &'a Names, name: &'a str, ctx: &'a Ctx, env: &'a Env) -> Result<Self, Error> {
        let view = names.collection(name)?.view();
        Ok(Self {
            names,
            name,
            view,
            ctx,
            env,
        })
    }
}
