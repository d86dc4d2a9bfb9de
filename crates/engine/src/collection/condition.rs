//! From a change with conditions to one without: filters become the ids that pass, modes become the points that
//! are left. What is logged then needs no other state to be replayed.

use kindred_model::filter::Filter;
use kindred_model::id::PointId;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateMode, UpdateOp};

use super::view::View;
use crate::error::Error;

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
            points: upserted(view, points, filter.as_ref(), mode),
            filter: None,
            mode: UpdateMode::Upsert,
        },
        UpdateOp::UpdateVectors { mut points, filter } => {
            existing(view, points.iter().map(|(id, _)| *id))?;
            points.retain(|(id, _)| filter.as_ref().is_none_or(|filter| passes(view, *id, filter)));
            UpdateOp::UpdateVectors { points, filter: None }
        }
        UpdateOp::Delete(selector) => UpdateOp::Delete(ids(view, selector)),
        UpdateOp::DeleteVectors { selector, names } => UpdateOp::DeleteVectors {
            selector: ids(view, selector),
            names,
        },
        UpdateOp::SetPayload {
            selector,
            payload,
            key,
        } => UpdateOp::SetPayload {
            selector: existing_ids(view, selector)?,
            payload,
            key,
        },
        UpdateOp::OverwritePayload {
            selector,
            payload,
            key,
        } => UpdateOp::OverwritePayload {
            selector: existing_ids(view, selector)?,
            payload,
            key,
        },
        UpdateOp::DeletePayload { selector, keys } => UpdateOp::DeletePayload {
            selector: ids(view, selector),
            keys,
        },
        UpdateOp::ClearPayload(selector) => UpdateOp::ClearPayload(ids(view, selector)),
    })
}

fn upserted(view: &View, points: Vec<Point>, filter: Option<&Filter>, mode: UpdateMode) -> Vec<Point> {
    let is_wanted = |point: &Point| {
        let is_known = view.find(point.id).is_some();
        let passes = || filter.is_none_or(|filter| passes(view, point.id, filter));
        match mode {
            UpdateMode::Upsert => !is_known || passes(),
            UpdateMode::InsertOnly => !is_known,
            UpdateMode::UpdateOnly => is_known && passes(),
        }
    };
    points.into_iter().filter(is_wanted).collect()
}

fn passes(view: &View, id: PointId, filter: &Filter) -> bool {
    view.find(id).is_some_and(|place| {
        view.segments
            .get(place.segment)
            .is_some_and(|segment| segment.passes(place.offset, filter))
    })
}

fn existing(view: &View, mut ids: impl Iterator<Item = PointId>) -> Result<(), Error> {
    ids.find(|id| view.find(*id).is_none())
        .map_or(Ok(()), |id| Err(Error::no_point(id)))
}

fn existing_ids(view: &View, selector: Selector) -> Result<Selector, Error> {
    if let Selector::Ids(ids) = &selector {
        existing(view, ids.iter().copied())?;
    }
    Ok(ids(view, selector))
}

fn ids(view: &View, selector: Selector) -> Selector {
    let filter = match selector {
        Selector::Ids(_) => return selector,
        Selector::Filter(filter) => filter,
    };
    let mut ids = Vec::new();
    for segment in &view.segments {
        // Nobody can interrupt a write that has begun.
        if let Ok(allow) = segment.allow(&filter, view.lsn, &()) {
            ids.extend(allow.iter().filter_map(|offset| Some(segment.point(offset)?.id)));
        }
    }
    ids.sort_unstable();
    Selector::Ids(ids)
}
