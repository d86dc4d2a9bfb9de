//! Changes of points, one after the other. Conditions look at the points as they were before the change.

use kindred_model::filter::Filter;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateMode, UpdateOp};
use kindred_model::vector::NamedVectors;

use super::{Collection, Stored};
use crate::subject::{Failure, FailureKind};

pub(super) fn no_point(id: PointId) -> Failure {
    Failure::new(FailureKind::NotFound, format!("No point with id {id} found"))
}

impl Collection {
    /// Makes a change whole, or refuses it and changes nothing.
    pub(super) fn update(&mut self, op: UpdateOp) -> Result<(), Failure> {
        match op {
            UpdateOp::Upsert { points, filter, mode } => self.upsert(points, filter.as_ref(), mode)?,
            UpdateOp::Delete(selector) => {
                for id in self.selected(&selector) {
                    self.points.remove(&id);
                }
                self.version += 1;
            }
            UpdateOp::UpdateVectors { points, filter } => self.update_vectors(points, filter.as_ref())?,
            UpdateOp::DeleteVectors { selector, names } => {
                names
                    .iter()
                    .try_for_each(|name| self.config.known_column(name).map(drop))?;
                self.edit(&self.selected(&selector), |point| {
                    names.iter().for_each(|name| drop(point.vectors.remove(name)));
                });
            }
            UpdateOp::SetPayload {
                selector,
                payload,
                key,
            } => {
                let ids = self.existing(&selector)?;
                self.edit(&ids, |point| match &key {
                    None => point.payload.merge(payload.clone()),
                    Some(path) => point.payload.merge_at(path, payload.clone()),
                });
            }
            UpdateOp::OverwritePayload {
                selector,
                payload,
                key,
            } => {
                let ids = self.existing(&selector)?;
                self.edit(&ids, |point| match &key {
                    None => point.payload = payload.clone(),
                    Some(path) => point.payload.replace_at(path, payload.clone()),
                });
            }
            UpdateOp::DeletePayload { selector, keys } => {
                self.edit(&self.selected(&selector), |point| {
                    keys.iter().for_each(|key| point.payload.remove(key))
                });
            }
            UpdateOp::ClearPayload(selector) => {
                self.edit(&self.selected(&selector), |point| {
                    point.payload = Payload::default()
                });
            }
        }
        Ok(())
    }

    /// Takes a field away, with its vectors. That is no change of points: their versions stay.
    pub(super) fn drop_vector(&mut self, name: &str) -> Result<(), Failure> {
        self.config.drop_vector(name)?;
        for stored in self.points.values_mut() {
            drop(stored.point.vectors.remove(name));
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        points: Vec<Point>,
        filter: Option<&Filter>,
        mode: UpdateMode,
    ) -> Result<(), Failure> {
        let canonical: Result<Vec<Point>, Failure> = points
            .into_iter()
            .map(|point| {
                Ok(Point {
                    vectors: self.canonical(point.vectors)?,
                    ..point
                })
            })
            .collect();
        let before = self.points.clone();
        let version = self.version + 1;
        for point in canonical? {
            let is_wanted = match (before.get(&point.id), mode) {
                (None, UpdateMode::Upsert | UpdateMode::InsertOnly) => true,
                (None, UpdateMode::UpdateOnly) | (Some(_), UpdateMode::InsertOnly) => false,
                (Some(old), UpdateMode::Upsert | UpdateMode::UpdateOnly) => {
                    filter.is_none_or(|filter| old.passes(filter))
                }
            };
            if is_wanted {
                self.points.insert(point.id, Stored { version, point });
            }
        }
        self.version = version;
        Ok(())
    }

    fn update_vectors(
        &mut self,
        points: Vec<(PointId, NamedVectors)>,
        filter: Option<&Filter>,
    ) -> Result<(), Failure> {
        let canonical: Result<Vec<_>, Failure> = points
            .into_iter()
            .map(|(id, vectors)| Ok((id, self.canonical(vectors)?)))
            .collect();
        let canonical = canonical?;
        let before = self.points.clone();
        if let Some((id, _)) = canonical.iter().find(|(id, _)| !before.contains_key(id)) {
            return Err(no_point(*id));
        }
        let version = self.version + 1;
        for (id, vectors) in canonical {
            let is_wanted =
                filter.is_none_or(|filter| before.get(&id).is_some_and(|stored| stored.passes(filter)));
            if let Some(stored) = self.points.get_mut(&id).filter(|_| is_wanted) {
                stored.version = version;
                vectors
                    .into_iter()
                    .for_each(|(name, vector)| stored.point.vectors.insert(name, vector));
            }
        }
        self.version = version;
        Ok(())
    }

    fn canonical(&self, vectors: NamedVectors) -> Result<NamedVectors, Failure> {
        let vectors = vectors.into_iter().map(|(name, vector)| {
            let vector = self.config.canonical(&name, vector)?;
            Ok((name, vector))
        });
        vectors.collect()
    }

    /// Counts as one change of points, whether or not it finds any.
    fn edit(&mut self, ids: &[PointId], change: impl Fn(&mut Point)) {
        self.version += 1;
        for id in ids {
            if let Some(stored) = self.points.get_mut(id) {
                stored.version = self.version;
                change(&mut stored.point);
            }
        }
    }

    fn selected(&self, selector: &Selector) -> Vec<PointId> {
        match selector {
            Selector::Ids(ids) => ids.clone(),
            Selector::Filter(filter) => self.passing(filter),
        }
    }

    fn existing(&self, selector: &Selector) -> Result<Vec<PointId>, Failure> {
        let ids = self.selected(selector);
        match ids.iter().find(|id| !self.points.contains_key(id)) {
            Some(id) => Err(no_point(*id)),
            None => Ok(ids),
        }
    }
}
