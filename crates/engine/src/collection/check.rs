//! Whether a change fits a collection, decided before it is queued: names exist, kinds and dimensions agree.
//! Vectors leave here in their canonical form.

use std::collections::BTreeSet;
use std::sync::Arc;

use kindred_model::config::CollectionConfig;
use kindred_model::limits::PAYLOAD_DEPTH_MAX;
use kindred_model::path::JsonPath;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::UpdateOp;
use kindred_model::vector::NamedVectors;

use super::view::Settings;
use crate::error::{Error, ErrorKind};

/// The change with canonical vectors.
pub(super) fn check(config: &CollectionConfig, op: UpdateOp) -> Result<UpdateOp, Error> {
    match op {
        UpdateOp::Upsert { points, filter, mode } => {
            let points = points.into_iter().map(|point| {
                check_depth(&point.payload, None)?;
                Ok(Point {
                    vectors: canonical(config, point.vectors)?,
                    ..point
                })
            });
            Ok(UpdateOp::Upsert {
                points: points.collect::<Result<_, Error>>()?,
                filter,
                mode,
            })
        }
        UpdateOp::UpdateVectors { points, filter } => {
            let points = points
                .into_iter()
                .map(|(id, vectors)| Ok((id, canonical(config, vectors)?)));
            Ok(UpdateOp::UpdateVectors {
                points: points.collect::<Result<_, Error>>()?,
                filter,
            })
        }
        UpdateOp::DeleteVectors { selector, names } => {
            match names.iter().find(|name| config.column(name).is_none()) {
                Some(name) => Err(Error::no_vector_name(name)),
                None => Ok(UpdateOp::DeleteVectors { selector, names }),
            }
        }
        UpdateOp::SetPayload {
            ref payload, ref key, ..
        }
        | UpdateOp::OverwritePayload {
            ref payload, ref key, ..
        } => {
            check_depth(payload, key.as_ref())?;
            Ok(op)
        }
        UpdateOp::Delete(_) | UpdateOp::DeletePayload { .. } | UpdateOp::ClearPayload(_) => Ok(op),
    }
}

/// Refuses a change that was checked against settings `before` when a vector field that it brings or names is not the
/// same `now`: the field was dropped, or made anew, while the change was on its way.
pub(super) fn check_fields(before: &Arc<Settings>, now: &Arc<Settings>, op: &UpdateOp) -> Result<(), Error> {
    if Arc::ptr_eq(before, now) {
        return Ok(());
    }
    let mut names: BTreeSet<&str> = BTreeSet::new();
    match op {
        UpdateOp::Upsert { points, .. } => points
            .iter()
            .for_each(|point| names.extend(point.vectors.iter().map(|(name, _)| name))),
        UpdateOp::UpdateVectors { points, .. } => points
            .iter()
            .for_each(|(_, vectors)| names.extend(vectors.iter().map(|(name, _)| name))),
        UpdateOp::DeleteVectors { names: own, .. } => names.extend(own.iter().map(String::as_str)),
        UpdateOp::Delete(_)
        | UpdateOp::SetPayload { .. }
        | UpdateOp::OverwritePayload { .. }
        | UpdateOp::DeletePayload { .. }
        | UpdateOp::ClearPayload(_) => {}
    }
    for name in names {
        let present = now
            .config
            .column(name)
            .ok_or_else(|| Error::no_vector_name(name))?;
        if before.config.column(name) != Some(present) {
            let text =
                format!("the vector field `{name}` was made anew at the same moment: send the change again");
            return Err(Error::new(ErrorKind::Busy, text));
        }
    }
    Ok(())
}

/// Refuses a payload that could not be read back once it lies at `key`.
fn check_depth(payload: &Payload, key: Option<&JsonPath>) -> Result<(), Error> {
    let depth = payload.depth() + key.map_or(0, |key| key.segments().len());
    if depth <= PAYLOAD_DEPTH_MAX {
        return Ok(());
    }
    let text = format!("a payload may be nested {PAYLOAD_DEPTH_MAX} levels deep, this one is {depth}");
    Err(Error::new(ErrorKind::InvalidInput, text))
}

fn canonical(config: &CollectionConfig, vectors: NamedVectors) -> Result<NamedVectors, Error> {
    let vectors = vectors.into_iter().map(|(name, vector)| {
        let vector = config.canonical(&name, vector)?;
        Ok((name, vector))
    });
    vectors.collect()
}
