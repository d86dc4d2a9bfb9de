//! The bytes of one change in the log. Only resolved changes are logged: they name points by id and carry no
//! condition, so that replaying them needs nothing but the log. The layout is drawn in docs/format.md.

use std::str::FromStr;

use kindred_model::id::PointId;
use kindred_model::path::JsonPath;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateMode, UpdateOp};
use kindred_model::vector::{MultiVector, NamedVectors, SparseVector, Vector};
use uuid::Uuid;

/// The first byte of every record.
const VERSION: u8 = 1;

mod kind {
    pub(super) const UPSERT: u8 = 1;
    pub(super) const DELETE: u8 = 2;
    pub(super) const UPDATE_VECTORS: u8 = 3;
    pub(super) const DELETE_VECTORS: u8 = 4;
    pub(super) const SET_PAYLOAD: u8 = 5;
    pub(super) const OVERWRITE_PAYLOAD: u8 = 6;
    pub(super) const DELETE_PAYLOAD: u8 = 7;
    pub(super) const CLEAR_PAYLOAD: u8 = 8;
}

/// A record that cannot be read, with the byte at which reading failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed record at byte {at}")]
pub(crate) struct Malformed {
    at: usize,
}

/// The bytes of a resolved change. Conditions (filters, modes) have no bytes: `None` when `op` has any.
pub(crate) fn encode(op: &UpdateOp) -> Option<Vec<u8>> {
    let mut out = Out(vec![VERSION]);
    match op {
        UpdateOp::Upsert {
            points,
            filter: None,
            mode: UpdateMode::Upsert,
        } => {
            out.byte(kind::UPSERT);
            out.list(points, |out, point| {
                out.id(point.id);
                out.vectors(&point.vectors);
                out.payload(&point.payload);
            });
        }
        UpdateOp::Delete(Selector::Ids(ids)) => {
            out.about(kind::DELETE, ids);
        }
        UpdateOp::UpdateVectors { points, filter: None } => {
            out.byte(kind::UPDATE_VECTORS);
            out.list(points, |out, (id, vectors)| {
                out.id(*id);
                out.vectors(vectors);
            });
        }
        UpdateOp::DeleteVectors {
            selector: Selector::Ids(ids),
            names,
        } => {
            out.about(kind::DELETE_VECTORS, ids);
            out.list(names, |out, name| out.text(name));
        }
        UpdateOp::SetPayload {
            selector: Selector::Ids(ids),
            payload,
            key,
        } => {
            out.payload_at(kind::SET_PAYLOAD, ids, payload, key.as_ref());
        }
        UpdateOp::OverwritePayload {
            selector: Selector::Ids(ids),
            payload,
            key,
        } => {
            out.payload_at(kind::OVERWRITE_PAYLOAD, ids, payload, key.as_ref());
        }
        UpdateOp::DeletePayload {
            selector: Selector::Ids(ids),
            keys,
        } => {
            out.about(kind::DELETE_PAYLOAD, ids);
            out.list(keys, |out, key| out.text(&key.to_string()));
        }
        UpdateOp::ClearPayload(Selector::Ids(ids)) => {
            out.about(kind::CLEAR_PAYLOAD, ids);
        }
        UpdateOp::Upsert { .. }
        | UpdateOp::Delete(_)
        | UpdateOp::UpdateVectors { .. }
        | UpdateOp::DeleteVectors { .. }
        | UpdateOp::SetPayload { .. }
        | UpdateOp::OverwritePayload { .. }
        | UpdateOp::DeletePayload { .. }
        | UpdateOp::ClearPayload(_) => return None,
    }
    Some(out.0)
}

/// Reads what [`encode`] wrote. Counts are checked against the bytes that are there before anything is allocated.
pub(crate) fn decode(bytes: &[u8]) -> Result<UpdateOp, Malformed> {
    let mut input = In { bytes, at: 0 };
    if input.byte()? != VERSION {
        return Err(Malformed { at: 0 });
    }
    let op = match input.byte()? {
        kind::UPSERT => UpdateOp::Upsert {
            points: input.list(|input| {
                Ok(Point {
                    id: input.id()?,
                    vectors: input.vectors()?,
                    payload: input.payload()?,
                })
            })?,
            filter: None,
            mode: UpdateMode::Upsert,
        },
        kind::DELETE => UpdateOp::Delete(input.selector()?),
        kind::UPDATE_VECTORS => UpdateOp::UpdateVectors {
            points: input.list(|input| Ok((input.id()?, input.vectors()?)))?,
            filter: None,
        },
        kind::DELETE_VECTORS => UpdateOp::DeleteVectors {
            selector: input.selector()?,
            names: input.list(In::text)?,
        },
        kind::SET_PAYLOAD => {
            let (selector, key, payload) = input.payload_at()?;
            UpdateOp::SetPayload {
                selector,
                payload,
                key,
            }
        }
        kind::OVERWRITE_PAYLOAD => {
            let (selector, key, payload) = input.payload_at()?;
            UpdateOp::OverwritePayload {
                selector,
                payload,
                key,
            }
        }
        kind::DELETE_PAYLOAD => UpdateOp::DeletePayload {
            selector: input.selector()?,
            keys: input.list(In::path)?,
        },
        kind::CLEAR_PAYLOAD => UpdateOp::ClearPayload(input.selector()?),
        _ => return Err(Malformed { at: 1 }),
    };
    if input.at == bytes.len() {
        Ok(op)
    } else {
        Err(Malformed { at: input.at })
    }
}

struct Out(Vec<u8>);

impl Out {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Lengths are written as u32: a batch is far smaller, which the log checks.
    fn count(&mut self, count: usize) {
        self.0
            .extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.count(items.len());
        items.iter().for_each(|value| item(self, value));
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn id(&mut self, id: PointId) {
        match id {
            PointId::Num(number) => {
                self.byte(0);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            PointId::Uuid(uuid) => {
                self.byte(1);
                self.0.extend_from_slice(uuid.as_bytes());
            }
        }
    }

    /// The kind of a change and the points it is about.
    fn about(&mut self, kind: u8, ids: &[PointId]) {
        self.byte(kind);
        self.ids(ids);
    }

    fn ids(&mut self, ids: &[PointId]) {
        self.list(ids, |out, id| out.id(*id));
    }

    fn floats(&mut self, values: &[f32]) {
        self.list(values, |out, value| out.0.extend_from_slice(&value.to_le_bytes()));
    }

    fn vectors(&mut self, vectors: &NamedVectors) {
        let vectors: Vec<_> = vectors.iter().collect();
        self.list(&vectors, |out, (name, vector)| {
            out.text(name);
            match vector {
                Vector::Dense(data) => {
                    out.byte(0);
                    out.floats(data);
                }
                Vector::Sparse(sparse) => {
                    out.byte(1);
                    out.list(sparse.indices(), |out, index| {
                        out.0.extend_from_slice(&index.to_le_bytes())
                    });
                    out.floats(sparse.values());
                }
                Vector::Multi(multi) => {
                    out.byte(2);
                    out.count(multi.as_ref().dim);
                    out.floats(multi.as_ref().data);
                }
            }
        });
    }

    fn payload(&mut self, payload: &Payload) {
        self.text(&payload.to_json());
    }

    fn payload_at(&mut self, kind: u8, ids: &[PointId], payload: &Payload, key: Option<&JsonPath>) {
        self.about(kind, ids);
        self.list(key.as_slice(), |out, key| out.text(&key.to_string()));
        self.payload(payload);
    }
}

struct In<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> In<'a> {
    fn malformed<T>(&self) -> Result<T, Malformed> {
        Err(Malformed { at: self.at })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some(taken) = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
        else {
            return self.malformed();
        };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| Malformed { at })
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn count(&mut self) -> Result<usize, Malformed> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.count()?;
        // Every item takes at least one byte, so a count beyond what is left is a lie.
        if count > self.bytes.len().saturating_sub(self.at) {
            return self.malformed();
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let count = self.count()?;
        let at = self.at;
        let bytes = self.take(count)?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| Malformed { at })
    }

    fn path(&mut self) -> Result<JsonPath, Malformed> {
        let at = self.at;
        JsonPath::from_str(&self.text()?).map_err(|_| Malformed { at })
    }

    fn id(&mut self) -> Result<PointId, Malformed> {
        match self.byte()? {
            0 => Ok(PointId::Num(u64::from_le_bytes(self.array()?))),
            1 => Ok(PointId::Uuid(Uuid::from_bytes(self.array()?))),
            _ => self.malformed(),
        }
    }

    fn selector(&mut self) -> Result<Selector, Malformed> {
        self.list(Self::id).map(Selector::Ids)
    }

    fn floats(&mut self) -> Result<Vec<f32>, Malformed> {
        self.list(|input| Ok(f32::from_le_bytes(input.array()?)))
    }

    fn vectors(&mut self) -> Result<NamedVectors, Malformed> {
        self.list(|input| Ok((input.text()?, input.vector()?)))
            .map(|vectors| vectors.into_iter().collect())
    }

    fn vector(&mut self) -> Result<Vector, Malformed> {
        let vector = match self.byte()? {
            0 => Some(Vector::Dense(self.floats()?)),
            1 => {
                let indices = self.list(|input| Ok(u32::from_le_bytes(input.array()?)))?;
                SparseVector::new(indices, self.floats()?).map(Vector::Sparse)
            }
            2 => {
                let dim = self.count()?;
                MultiVector::from_flat(dim, self.floats()?).map(Vector::Multi)
            }
            _ => None,
        };
        vector.map_or_else(|| self.malformed(), Ok)
    }

    fn payload(&mut self) -> Result<Payload, Malformed> {
        let at = self.at;
        Payload::from_json(&self.text()?).map_err(|_| Malformed { at })
    }

    fn payload_at(&mut self) -> Result<(Selector, Option<JsonPath>, Payload), Malformed> {
        let selector = self.selector()?;
        let key = self.list(Self::path)?.pop();
        Ok((selector, key, self.payload()?))
    }
}

#[cfg(test)]
mod tests;
