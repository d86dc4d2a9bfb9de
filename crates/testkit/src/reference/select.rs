//! The parts of a point that a request asks for.

use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::query::request::{PayloadSelector, VectorSelector};
use kindred_model::vector::NamedVectors;

use super::Collection;
use crate::subject::Failure;

impl Collection {
    /// Refuses names of vectors that the collection does not have.
    pub(super) fn check_vectors(&self, selector: &VectorSelector) -> Result<(), Failure> {
        match selector {
            VectorSelector::All(_) => Ok(()),
            VectorSelector::Names(names) => names
                .iter()
                .try_for_each(|name| Ok(self.config.known_column(name).map(drop)?)),
        }
    }
}

pub(super) fn payload(point: &Point, selector: &PayloadSelector) -> Option<Payload> {
    match selector {
        PayloadSelector::All(false) => None,
        PayloadSelector::All(true) => Some(point.payload.clone()),
        PayloadSelector::Include(paths) => Some(point.payload.include(paths)),
        PayloadSelector::Exclude(paths) => Some(point.payload.exclude(paths)),
    }
}

pub(super) fn vectors(point: &Point, selector: &VectorSelector) -> Option<NamedVectors> {
    match selector {
        VectorSelector::All(false) => None,
        VectorSelector::All(true) => Some(point.vectors.clone()),
        VectorSelector::Names(names) => {
            let chosen = point
                .vectors
                .iter()
                .filter(|(name, _)| names.iter().any(|wanted| wanted == name));
            Some(
                chosen
                    .map(|(name, vector)| (name.to_owned(), vector.clone()))
                    .collect(),
            )
        }
    }
}
