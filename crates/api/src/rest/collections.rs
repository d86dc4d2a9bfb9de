//! Collections, their named vectors and their aliases.

use kindred_model::config::{
    AliasActions, CreateCollection, NewVector, UpdateCollection, new_collection_name,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::changes::UpdateAnswer;
use super::params::{ManageParams, NoParams, WriteParams};
use super::route::{Call, Changes};
use super::shapes::InfoAnswer;
use crate::status::{Part, Refusal};

/// All collections.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CollectionsAnswer {
    collections: Vec<CollectionName>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CollectionDescription")]
struct CollectionName {
    name: String,
}

/// Whether a collection exists.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CollectionExistence")]
pub(crate) struct Existence {
    exists: bool,
}

/// Some aliases.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AliasesAnswer {
    aliases: Vec<AliasDescription>,
}

#[derive(Serialize, JsonSchema)]
struct AliasDescription {
    alias_name: String,
    collection_name: String,
}

pub(crate) fn list(call: Call<'_, NoParams, ()>) -> Result<CollectionsAnswer, Refusal> {
    let collections = call
        .db()
        .collections()
        .into_iter()
        .map(|name| CollectionName { name })
        .collect();
    Ok(CollectionsAnswer { collections })
}

pub(crate) fn info(call: Call<'_, NoParams, ()>) -> Result<InfoAnswer, Refusal> {
    Ok(InfoAnswer(call.db().info(call.collection())?))
}

pub(crate) fn exists(call: Call<'_, NoParams, ()>) -> Result<Existence, Refusal> {
    Ok(Existence {
        exists: call.db().exists(call.collection()),
    })
}

pub(crate) fn create(call: Call<'_, ManageParams, CreateCollection>) -> Result<bool, Refusal> {
    new_collection_name(call.collection()).map_err(|invalid| Refusal::invalid(Part::Path, &invalid))?;
    let config = call.body.clone().into_config()?;
    call.db().create_collection(call.collection(), config)?;
    Ok(true)
}

pub(crate) fn update(call: Call<'_, ManageParams, UpdateCollection>) -> Result<bool, Refusal> {
    call.db()
        .update_collection(call.collection(), call.body.clone())?;
    Ok(true)
}

/// False when there was none, which is no error.
pub(crate) fn remove(call: Call<'_, ManageParams, ()>) -> Result<bool, Refusal> {
    Ok(call.db().drop_collection(call.collection())?)
}

impl Changes for NewVector {}

pub(crate) fn create_vector(call: Call<'_, WriteParams, NewVector>) -> Result<UpdateAnswer, Refusal> {
    let name = call.path.named("vector_name");
    call.db()
        .create_vector(call.collection(), name, call.body.clone())?;
    Ok(UpdateAnswer::without_number(&call.params))
}

pub(crate) fn drop_vector(call: Call<'_, WriteParams, ()>) -> Result<UpdateAnswer, Refusal> {
    call.db()
        .drop_vector(call.collection(), call.path.named("vector_name"))?;
    Ok(UpdateAnswer::without_number(&call.params))
}

pub(crate) fn update_aliases(call: Call<'_, ManageParams, AliasActions>) -> Result<bool, Refusal> {
    call.db().update_aliases(call.body.actions.clone())?;
    Ok(true)
}

pub(crate) fn all_aliases(call: Call<'_, NoParams, ()>) -> Result<AliasesAnswer, Refusal> {
    aliases(&call, None)
}

pub(crate) fn collection_aliases(call: Call<'_, NoParams, ()>) -> Result<AliasesAnswer, Refusal> {
    aliases(&call, Some(call.collection()))
}

fn aliases(call: &Call<'_, NoParams, ()>, collection: Option<&str>) -> Result<AliasesAnswer, Refusal> {
    let aliases = call.db().aliases(collection)?.into_iter();
    let describe = |alias: kindred::Alias| AliasDescription {
        alias_name: alias.alias_name,
        collection_name: alias.collection_name,
    };
    Ok(AliasesAnswer {
        aliases: aliases.map(describe).collect(),
    })
}
