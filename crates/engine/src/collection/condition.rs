//! From a change with conditions to one without: filters become the ids that pass, modes become the points that
//! are left. What is logged then needs no other state to be replayed.

use kindred_model::filter::Filter;
use kindred_model::id::PointId;
use kindred_model::limits::PAYLOAD_BYTES_MAX;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateMode, UpdateOp};
use kindred_segment::Stop;

use super::view::{Place, View};
use crate::ctx::Ctx;
use crate::error::{Error, ErrorKind};

/// Additions to a payload that are too small to fill it.
const ADDITION_BYTES: usize = 4 * 1024;

/// Whether the change depends on the points that are there.
pub(super) fn is_conditional(op: &UpdateOp) -> bool {
    match op {
        UpdateOp::Upsert { filter, mode, .. } => filter.is_some() || *mode != UpdateMode::Upsert,
        // These must exist.
        UpdateOp::UpdateVectors { .. } | UpdateOp::SetPayload { .. } | UpdateOp::OverwritePayload { .. } => {
            true
        }
        UpdateOp::Delete(selector)
        | UpdateOp::DeleteVectors { selector, .. }
        | UpdateOp::DeletePayload { selector, .. }
        | UpdateOp::ClearPayload(selector) => matches!(selector, Selector::Filter(_)),
    }
}

/// The change without conditions, given the present view.
///
/// # Errors
/// `NotFound` names the first id that must exist and does not.
pub(super) fn settle(view: &View, op: UpdateOp) -> Result<UpdateOp, Error> {
    Ok(match op {
        UpdateOp::Upsert { points, filter, mode } => UpdateOp::Upsert {
            points: upserted(view, points, filter.as_ref(), mode)?,
            filter: None,
            mode: UpdateMode::Upsert,
        },
        UpdateOp::UpdateVectors { mut points, filter } => {
            existing(view, points.iter().map(|(id, _)| *id))?;
            if let Some(filter) = &filter {
                points = kept(points, |(id, _)| passes(view, *id, filter))?;
            }
            UpdateOp::UpdateVectors { points, filter: None }
        }
        UpdateOp::Delete(selector) => UpdateOp::Delete(ids(view, selector)?),
        UpdateOp::DeleteVectors { selector, names } => UpdateOp::DeleteVectors {
            selector: ids(view, selector)?,
            names,
        },
        UpdateOp::SetPayload {
            selector,
            payload,
            key,
        } => UpdateOp::SetPayload {
            selector: roomy_ids(view, selector, &payload)?,
            payload,
            key,
        },
        UpdateOp::OverwritePayload {
            selector,
            payload,
            key,
        } => UpdateOp::OverwritePayload {
            selector: roomy_ids(view, selector, &payload)?,
            payload,
            key,
        },
        UpdateOp::DeletePayload { selector, keys } => UpdateOp::DeletePayload {
            selector: ids(view, selector)?,
            keys,
        },
        UpdateOp::ClearPayload(selector) => UpdateOp::ClearPayload(ids(view, selector)?),
    })
}

/// Refuses a change that builds on rows that cannot be read: once it is in the log it could not be applied.
pub(super) fn check_readable(view: &View, op: &UpdateOp) -> Result<(), Error> {
    let mut places: Vec<Place> = match op {
        UpdateOp::Upsert { .. } | UpdateOp::Delete(_) => return Ok(()),
        UpdateOp::UpdateVectors { points, .. } => {
            points.iter().filter_map(|(id, _)| view.find(*id)).collect()
        }
        UpdateOp::DeleteVectors { selector, .. }
        | UpdateOp::SetPayload { selector, .. }
        | UpdateOp::OverwritePayload { selector, .. }
        | UpdateOp::DeletePayload { selector, .. }
        | UpdateOp::ClearPayload(selector) => match selector {
            Selector::Ids(ids) => ids.iter().filter_map(|id| view.find(*id)).collect(),
            Selector::Filter(_) => return Ok(()),
        },
    };
    places.sort_unstable();
    for run in places.chunk_by(|a, b| a.segment == b.segment) {
        let segment = run.first().and_then(|place| view.segments.get(place.segment));
        if let Some(mut payloads) = segment.map(|segment| segment.payload_reader()) {
            run.iter().try_for_each(|place| payloads.probe(place.offset))?;
        }
    }
    Ok(())
}

fn upserted(
    view: &View,
    points: Vec<Point>,
    filter: Option<&Filter>,
    mode: UpdateMode,
) -> Result<Vec<Point>, Error> {
    kept(points, |point| {
        let is_known = view.find(point.id).is_some();
        let passes = || filter.map_or(Ok(true), |filter| passes(view, point.id, filter));
        match mode {
            UpdateMode::Upsert => Ok(!is_known || passes()?),
            UpdateMode::InsertOnly => Ok(!is_known),
            UpdateMode::UpdateOnly => Ok(is_known && passes()?),
        }
    })
}

/// The items for which the question is answered by yes.
fn kept<T>(items: Vec<T>, question: impl Fn(&T) -> Result<bool, Error>) -> Result<Vec<T>, Error> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if question(&item)? {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn passes(view: &View, id: PointId, filter: &Filter) -> Result<bool, Error> {
    let Some(place) = view.find(id) else {
        return Ok(false);
    };
    match view.segments.get(place.segment) {
        Some(segment) => segment.passes(place.offset, filter).map_err(unread),
        None => Ok(false),
    }
}

fn existing(view: &View, mut ids: impl Iterator<Item = PointId>) -> Result<(), Error> {
    ids.find(|id| view.find(*id).is_none())
        .map_or(Ok(()), |id| Err(Error::no_point(id)))
}

fn existing_ids(view: &View, selector: Selector) -> Result<Selector, Error> {
    if let Selector::Ids(ids) = &selector {
        existing(view, ids.iter().copied())?;
    }
    ids(view, selector)
}

/// The ids of existing points that have room for so much more payload.
fn roomy_ids(view: &View, selector: Selector, payload: &Payload) -> Result<Selector, Error> {
    let selector = existing_ids(view, selector)?;
    let more = payload.to_json().len();
    let Selector::Ids(ids) = &selector else {
        return Ok(selector);
    };
    // Small additions are not counted: to be too many they would have to be made ten thousand times.
    for id in ids.iter().filter(|_| more >= ADDITION_BYTES) {
        let point = view.find(*id).and_then(|place| view.point(place));
        let before = point.map_or(Ok(0), |point| {
            point.payload().map(|payload| payload.to_json().len())
        })?;
        if before + more > PAYLOAD_BYTES_MAX {
            let text = format!("the payload of point {id} would take more than {PAYLOAD_BYTES_MAX} bytes");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
    }
    Ok(selector)
}

fn ids(view: &View, selector: Selector) -> Result<Selector, Error> {
    let filter = match selector {
        Selector::Ids(_) => return Ok(selector),
        Selector::Filter(filter) => filter,
    };
    let mut ids = Vec::new();
    for segment in &view.segments {
        let allow = segment.allow(&filter, view.lsn, &()).map_err(unread)?;
        ids.extend(allow.iter().filter_map(|offset| segment.id(offset)));
    }
    ids.sort_unstable();
    Ok(Selector::Ids(ids))
}

/// Nobody can interrupt a write that has begun: what stops it is that a segment cannot be read.
fn unread(stop: Stop) -> Error {
    Ctx::unlimited().stopped(stop)
}
