//! Whether a change fits a collection, decided before it is queued: names exist, kinds and dimensions agree.
//! Vectors leave here in their canonical form.

use kindred_model::config::CollectionConfig;
use kindred_model::point::Point;
use kindred_model::update::UpdateOp;
use kindred_model::vector::NamedVectors;

use crate::error::Error;

/// The change with canonical vectors.
pub(super) fn check(config: &CollectionConfig, op: UpdateOp) -> Result<UpdateOp, Error> {
    match op {
        UpdateOp::Upsert { points, filter, mode } => {
            let points = points.into_iter().map(|point| {
                Ok(Point { vectors: canonical(config, point.vectors)?, ..point })
            });
            Ok(UpdateOp::Upsert { points: points.collect::<Result<_, Error>>()?, filter, mode })
        }
        UpdateOp::UpdateVectors { points, filter } => {
            let points = points.into_iter().map(|(id, vectors)| Ok((id, canonical(config, vectors)?)));
            Ok(UpdateOp::UpdateVectors { points: points.collect::<Result<_, Error>>()?, filter })
        }
        UpdateOp::DeleteVectors { selector, names } => {
            match names.iter().find(|name| config.column(name).is_none()) {
                Some(name) => Err(Error::no_vector_name(name)),
                None => Ok(UpdateOp::DeleteVectors { selector, names }),
            }
        }
        UpdateOp::Delete(_)
        | UpdateOp::SetPayload { .. }
        | UpdateOp::OverwritePayload { .. }
        | UpdateOp::DeletePayload { .. }
        | UpdateOp::ClearPayload(_) => Ok(op),
    }
}

fn canonical(config: &CollectionConfig, vectors: NamedVectors) -> Result<NamedVectors, Error> {
    let vectors = vectors.into_iter().map(|(name, vector)| {
        let vector = config.canonical(&name, vector)?;
        Ok((name, vector))
    });
    vectors.collect()
}
