//! What is asked for of the points that were found: parts of the payload, some of the vectors.

use std::sync::Arc;

use kindred_model::payload::Payload;
use kindred_model::point::{OrderValue, Record, ScoredPoint};
use kindred_model::query::request::{PayloadSelector, VectorSelector};
use kindred_model::vector::NamedVectors;
use kindred_segment::PointRef;

use crate::collection::view::{Place, View};
use crate::error::{Error, ErrorKind};

/// A point that was found, before anything of it is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) place: Place,
    /// As reported.
    pub(super) score: f32,
    pub(super) order_value: Option<OrderValue>,
}

/// The parts of a point that a request asks for.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) payload: &'a PayloadSelector,
    pub(super) vectors: &'a VectorSelector,
}

impl Parts<'_> {
    /// Refuses names of vectors that the collection does not have.
    pub(super) fn check(self, view: &View) -> Result<(), Error> {
        if let VectorSelector::Names(names) = self.vectors {
            let unknown = names
                .iter()
                .find(|name| view.settings.config.column(name).is_none());
            if let Some(name) = unknown {
                return Err(Error::no_vector_name(name));
            }
        }
        Ok(())
    }

    fn payload(self, point: PointRef<'_>) -> Result<Option<Payload>, Error> {
        Ok(match self.payload {
            PayloadSelector::All(false) => None,
            PayloadSelector::All(true) => Some(Arc::unwrap_or_clone(point.payload()?)),
            PayloadSelector::Include(paths) => Some(point.payload()?.include(paths)),
            PayloadSelector::Exclude(paths) => Some(point.payload()?.exclude(paths)),
        })
    }

    fn vectors(self, point: PointRef<'_>) -> Option<NamedVectors> {
        match self.vectors {
            VectorSelector::All(false) => None,
            VectorSelector::All(true) => Some(point.vectors()),
            VectorSelector::Names(names) => Some(
                names
                    .iter()
                    .filter_map(|name| Some((name.clone(), point.vector(name)?)))
                    .collect(),
            ),
        }
    }

    /// The point as a record.
    pub(super) fn record(
        self,
        view: &View,
        place: Place,
        value: Option<OrderValue>,
    ) -> Result<Record, Error> {
        let point = at(view, place)?;
        Ok(Record {
            id: point.id,
            payload: self.payload(point)?,
            vector: self.vectors(point),
            order_value: value,
        })
    }

    /// The point as a scored point.
    pub(super) fn scored(self, view: &View, found: &Found, has_version: bool) -> Result<ScoredPoint, Error> {
        let point = at(view, found.place)?;
        Ok(ScoredPoint {
            id: point.id,
            version: if has_version { point.version } else { 0 },
            score: found.score,
            payload: self.payload(point)?,
            vector: self.vectors(point),
            order_value: found.order_value,
        })
    }
}

/// The row at a place that came from this very view.
pub(super) fn at(view: &View, place: Place) -> Result<PointRef<'_>, Error> {
    view.point(place)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a found point is not in its view"))
}
