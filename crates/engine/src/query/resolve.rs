//! From examples to vectors: ids are looked up, here or in another collection.

use std::sync::Arc;

use kindred_model::config::Column;
use kindred_model::id::PointId;
use kindred_model::query::example::Example;
use kindred_model::query::kinds::QueryKind;
use kindred_model::query::request::{LookupFrom, QueryNode};
use kindred_model::query::scoring::Scoring;
use kindred_model::vector::{DEFAULT_VECTOR, Vector};

use super::names::Reader;
use crate::collection::view::View;
use crate::error::{Error, ErrorKind};

/// A vector query over one column: canonical anchors and the fold over the similarities to them.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) using: String,
    pub(super) column: Column,
    pub(super) scoring: Scoring,
}

impl Reader<'_> {
    /// What a vector query of this node means here.
    pub(super) fn resolve(&self, node: &QueryNode, kind: &dyn QueryKind) -> Result<Resolved, Error> {
        let config = &self.view.settings.config;
        let source = self.source(node)?;
        let using = node.using.as_deref().unwrap_or(DEFAULT_VECTOR);
        let mut vectors = Vec::new();
        for example in kind.examples() {
            vectors.push(match example {
                Example::Id(id) => source.vector(*id)?,
                Example::Vector(input) => input.clone().parse()?,
            });
        }
        let (using, column) = config.query_column(Some(using))?;
        let shaped: Result<Vec<Vector>, _> =
            vectors.into_iter().map(|vector| column.shaped(vector)).collect();
        let mut scoring = kind.lower(shaped?)?;
        let anchors = scoring.anchors.into_iter().map(|anchor| column.canonical(anchor));
        scoring.anchors = anchors.collect::<Result<_, _>>()?;
        if let Column::Sparse { idf: true } = column {
            self.weigh_by_rarity(&using, &mut scoring.anchors)?;
        }
        Ok(Resolved {
            using,
            column,
            scoring,
        })
    }

    /// Where the vectors of example ids come from.
    fn source(&self, node: &QueryNode) -> Result<Source, Error> {
        let using = || node.using.clone().unwrap_or_default();
        match &node.lookup_from {
            None => Ok(Source {
                view: Arc::clone(&self.view),
                vector: using(),
            }),
            Some(LookupFrom { collection, vector }) => {
                let other = self
                    .names
                    .find(collection)
                    .ok_or_else(|| Error::no_lookup_collection(collection))?
                    .open()?;
                Ok(Source {
                    view: other.view(),
                    vector: vector.clone().unwrap_or_else(using),
                })
            }
        }
    }

    /// Multiplies sparse anchors by how rare each component is among the stored vectors.
    pub(super) fn weigh_by_rarity(&self, using: &str, anchors: &mut [Vector]) -> Result<(), Error> {
        let mut frequency: std::collections::HashMap<u32, u64> = std::collections::HashMap::new();
        for anchor in anchors.iter() {
            if let Vector::Sparse(sparse) = anchor {
                frequency.extend(sparse.indices().iter().map(|index| (*index, 0)));
            }
        }
        let mut count = 0_u64;
        for segment in &self.view.segments {
            self.ctx.check()?;
            let Some(column) = segment.column(using) else {
                continue;
            };
            let visible = segment.visible(self.view.lsn);
            let mut stored = visible
                .iter()
                .filter(|offset| column.has(*offset))
                .inspect(|_| count += 1);
            column.count_components(&mut stored, &mut |index| {
                frequency.entry(index).and_modify(|count| *count += 1);
            });
        }
        for anchor in anchors {
            if let Vector::Sparse(sparse) = anchor {
                sparse.scale(|index| {
                    kindred_model::vector::idf(count, frequency.get(&index).copied().unwrap_or(0))
                });
            }
        }
        Ok(())
    }
}

/// A collection and the vector to read there.
struct Source {
    view: Arc<View>,
    vector: String,
}

impl Source {
    fn vector(&self, id: PointId) -> Result<Vector, Error> {
        let place = self.view.find(id).ok_or_else(|| Error::no_point(id))?;
        let name = &self.vector;
        if self.view.settings.config.column(name).is_none() {
            return Err(Error::no_vector_name(name));
        }
        let vector = self.view.point(place).and_then(|point| point.vector(name));
        vector.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("Vector with name \"{name}\" for point not found"),
            )
        })
    }
}
