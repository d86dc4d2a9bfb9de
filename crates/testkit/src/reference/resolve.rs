//! From what is asked to what is measured: example ids become vectors, the kind becomes anchors and a fold.

use kindred_model::config::Column;
use kindred_model::id::PointId;
use kindred_model::query::example::Example;
use kindred_model::query::kinds::QueryKind;
use kindred_model::query::request::QueryNode;
use kindred_model::query::scoring::Scoring;
use kindred_model::vector::{Vector, idf};

use super::update::no_point;
use super::{Collection, Reference};
use crate::subject::{Failure, FailureKind};

/// A vector query of one node.
pub(super) struct Measured {
    pub(super) using: String,
    pub(super) column: Column,
    /// Its anchors are canonical, and weighted by rarity where the field says so.
    pub(super) scoring: Scoring,
}

impl Reference {
    pub(super) fn resolve(
        &self,
        here: &Collection,
        node: &QueryNode,
        kind: &dyn QueryKind,
    ) -> Result<Measured, Failure> {
        let using = node.using.clone().unwrap_or_default();
        let (there, name) = match &node.lookup_from {
            None => (here, using.clone()),
            Some(lookup) => {
                let there = self.find(&lookup.collection).ok_or_else(|| {
                    Failure::new(
                        FailureKind::NotFound,
                        format!("Collection {} not found", lookup.collection),
                    )
                })?;
                (there, lookup.vector.clone().unwrap_or_else(|| using.clone()))
            }
        };
        let mut vectors = Vec::new();
        for example in kind.examples() {
            vectors.push(match example {
                Example::Id(id) => there.example(*id, &name)?,
                Example::Vector(input) => input.clone().parse()?,
            });
        }
        let (using, column) = here.config.query_column(Some(&using))?;
        let shaped: Result<Vec<Vector>, _> =
            vectors.into_iter().map(|vector| column.shaped(vector)).collect();
        let mut scoring = kind.lower(shaped?)?;
        let anchors: Result<Vec<Vector>, _> = scoring
            .anchors
            .into_iter()
            .map(|anchor| column.canonical(anchor))
            .collect();
        scoring.anchors = anchors?;
        if column == (Column::Sparse { idf: true }) {
            scoring
                .anchors
                .iter_mut()
                .for_each(|anchor| here.weigh(&using, anchor));
        }
        Ok(Measured {
            using,
            column,
            scoring,
        })
    }
}

impl Collection {
    /// The vector called `name` of a point that serves as an example.
    fn example(&self, id: PointId, name: &str) -> Result<Vector, Failure> {
        let stored = self.points.get(&id).ok_or_else(|| no_point(id))?;
        self.config.known_column(name)?;
        stored.point.vectors.find(name).cloned().ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                format!("Vector with name \"{name}\" for point not found"),
            )
        })
    }

    /// Multiplies each weight of a sparse anchor by the rarity of its index among the stored vectors.
    pub(super) fn weigh(&self, using: &str, anchor: &mut Vector) {
        let Vector::Sparse(anchor) = anchor else { return };
        let stored: Vec<&Vector> = self
            .points
            .values()
            .filter_map(|stored| stored.point.vectors.find(using))
            .collect();
        let has = |vector: &Vector, index| match vector {
            Vector::Sparse(sparse) => sparse.indices().contains(&index),
            Vector::Dense(_) | Vector::Multi(_) => false,
        };
        anchor.scale(|index| {
            let frequency = stored.iter().filter(|vector| has(vector, index)).count();
            idf(stored.len() as u64, frequency as u64)
        });
    }
}
