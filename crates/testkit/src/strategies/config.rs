//! Databases to test in: a main collection with an alias, and another one to look vectors up in.

use std::collections::BTreeMap;

use kindred_model::config::{
    AliasAction, CollectionConfig, Column, Modifier, MultiVectorComparator, MultiVectorConfig,
    SparseVectorParams, VectorParams,
};
use kindred_model::distance::Distance;
use kindred_model::vector::Datatype;
use proptest::prelude::*;

use super::payload::indexed_fields;
use super::vector::{DIM, Grain};
use crate::subject::Change;

/// The collection that is asked.
pub const MAIN: &str = "main";
/// Another name of it.
pub const ALIAS: &str = "alias";
/// The collection that vectors and groups are looked up in. It has the same vectors as the main one.
pub const LOOKUP: &str = "lookup";

/// What is generated around: the settings of both collections, and how vectors are drawn.
#[derive(Debug, Clone)]
pub struct World {
    /// Settings of both collections.
    pub config: CollectionConfig,
    /// How vectors are drawn.
    pub grain: Grain,
}

impl World {
    /// The columns by name.
    pub fn columns(&self) -> Vec<(String, Column)> {
        self.config
            .columns()
            .map(|(name, column)| (name.to_owned(), column))
            .collect()
    }

    /// The changes that make the world, without points.
    pub fn setup(&self) -> Vec<Change> {
        let create = |name: &str| Change::CreateCollection {
            name: name.to_owned(),
            config: Box::new(self.config.clone()),
        };
        let alias = AliasAction::CreateAlias {
            collection_name: MAIN.to_owned(),
            alias_name: ALIAS.to_owned(),
        };
        let mut setup = vec![create(MAIN), create(LOOKUP), Change::Aliases(vec![alias])];
        setup.extend(
            indexed_fields()
                .into_iter()
                .map(|(field, schema)| Change::CreateIndex {
                    collection: MAIN.to_owned(),
                    field,
                    schema,
                }),
        );
        setup
    }
}

fn dense(is_multi: bool) -> BoxedStrategy<VectorParams> {
    let distance = prop::sample::select(vec![
        Distance::Cosine,
        Distance::Euclid,
        Distance::Dot,
        Distance::Manhattan,
    ]);
    let datatype = prop::sample::select(vec![
        None,
        Some(Datatype::Float32),
        Some(Datatype::Float16),
        Some(Datatype::Uint8),
    ]);
    (distance, datatype)
        .prop_map(move |(distance, datatype)| VectorParams {
            size: DIM as u64,
            distance,
            hnsw_config: None,
            quantization_config: None,
            on_disk: None,
            datatype,
            multivector_config: is_multi.then_some(MultiVectorConfig {
                comparator: MultiVectorComparator::MaxSim,
            }),
        })
        .boxed()
}

/// A world of this grain: a default vector most of the time, a second dense, a multi and a sparse vector sometimes.
pub fn world(grain: Grain) -> BoxedStrategy<World> {
    let modifier = prop::sample::select(vec![None, Some(Modifier::None), Some(Modifier::Idf)]);
    let sparse = modifier.prop_map(|modifier| SparseVectorParams {
        index: None,
        modifier,
    });
    let vectors = (
        prop::option::weighted(0.8, dense(false)),
        prop::option::weighted(0.3, dense(false)),
        prop::option::weighted(0.4, dense(true)),
        prop::option::weighted(0.5, sparse),
    );
    vectors
        .prop_map(move |(default, second, multi, sparse)| {
            let dense = [("", default), ("second", second), ("multi", multi)];
            let named = dense
                .into_iter()
                .filter_map(|(name, params)| Some((name.to_owned(), params?)));
            let config = CollectionConfig {
                vectors: named.collect(),
                sparse_vectors: sparse
                    .map(|params| ("words".to_owned(), params))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
                ..CollectionConfig::default()
            };
            World { config, grain }
        })
        .boxed()
}
