//! Vectors: dense, sparse and multi, owned and borrowed, and how close two of them are.
//! Values here are well formed by construction; `input` holds what a user may write.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::distance::Distance;

pub mod input;
pub(crate) mod json;

/// The name of the vector that has no name.
pub const DEFAULT_VECTOR: &str = "";

/// One vector of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Vector {
    /// One component per dimension.
    Dense(Vec<f32>),
    /// Few components of a very large space.
    Sparse(SparseVector),
    /// Several dense rows of one length.
    Multi(MultiVector),
}

/// Components at strictly ascending indices; both lists have one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseVector {
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// Rows of one length, one after the other; at least one row, at least one component a row.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiVector {
    dim: usize,
    data: Vec<f32>,
}

/// A vector, borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VectorRef<'a> {
    /// See [`Vector::Dense`].
    Dense(&'a [f32]),
    /// See [`Vector::Sparse`].
    Sparse(SparseRef<'a>),
    /// See [`Vector::Multi`].
    Multi(MultiRef<'a>),
}

/// A sparse vector, borrowed: strictly ascending indices and their values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseRef<'a> {
    /// Strictly ascending.
    pub indices: &'a [u32],
    /// As many as there are indices.
    pub values: &'a [f32],
}

/// A multi vector, borrowed: `data` holds rows of `dim` components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiRef<'a> {
    /// Components in a row, at least one.
    pub dim: usize,
    /// A whole number of rows.
    pub data: &'a [f32],
}

impl SparseVector {
    /// Sorts the components by index. `None` when the lists differ in length or an index occurs twice.
    pub fn new(indices: Vec<u32>, values: Vec<f32>) -> Option<Self> {
        if indices.len() != values.len() {
            return None;
        }
        if indices.is_sorted_by(|a, b| a < b) {
            return Some(Self { indices, values });
        }
        let mut pairs: Vec<(u32, f32)> = indices.into_iter().zip(values).collect();
        pairs.sort_unstable_by_key(|&(index, _)| index);
        let is_unique = pairs.is_sorted_by(|a, b| a.0 < b.0);
        let (indices, values) = pairs.into_iter().unzip();
        is_unique.then_some(Self { indices, values })
    }

    /// Strictly ascending indices.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The value at each index.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Multiplies the value at each index by `weight(index)`.
    pub fn scale(&mut self, weight: impl Fn(u32) -> f32) {
        for (index, value) in self.indices.iter().zip(&mut self.values) {
            *value *= weight(*index);
        }
    }

    /// Borrows the components.
    pub fn as_ref(&self) -> SparseRef<'_> {
        SparseRef {
            indices: &self.indices,
            values: &self.values,
        }
    }
}

impl SparseRef<'_> {
    /// Dot product over common indices, added up in the order of the indices.
    pub fn dot(self, other: SparseRef<'_>) -> f32 {
        let mut theirs = other.indices.iter().zip(other.values).peekable();
        let mut sum = 0.0;
        for (index, value) in self.indices.iter().zip(self.values) {
            while theirs.next_if(|(at, _)| *at < index).is_some() {}
            if let Some((_, weight)) = theirs.next_if(|(at, _)| *at == index) {
                sum += value * weight;
            }
        }
        sum
    }

    /// Whether any index is in both.
    pub fn overlaps(self, other: SparseRef<'_>) -> bool {
        let mut theirs = other.indices.iter().peekable();
        self.indices.iter().any(|index| {
            while theirs.next_if(|at| *at < index).is_some() {}
            theirs.peek().is_some_and(|at| *at == index)
        })
    }
}

/// How much a component counts that `frequency` of `count` vectors have: ln((N - df + 0.5) / (df + 0.5) + 1), the
/// inverse document frequency of BM25 (Robertson and Zaragoza 2009, section 3.1, kept positive).
pub fn idf(count: u64, frequency: u64) -> f32 {
    let (count, frequency) = (count as f32, frequency as f32);
    ((count - frequency + 0.5) / (frequency + 0.5) + 1.0).ln()
}

impl MultiVector {
    /// Joins rows. `None` when there is no row, a row is empty, or lengths differ.
    pub fn from_rows(rows: &[Vec<f32>]) -> Option<Self> {
        Self::from_flat(rows.first()?.len(), rows.concat())
            .filter(|multi| rows.iter().all(|row| row.len() == multi.dim))
    }

    /// Takes rows of `dim` components that lie one after the other. `None` unless that makes whole rows.
    pub fn from_flat(dim: usize, data: Vec<f32>) -> Option<Self> {
        (dim > 0 && !data.is_empty() && data.len().is_multiple_of(dim)).then_some(Self { dim, data })
    }

    /// Borrows the rows.
    pub fn as_ref(&self) -> MultiRef<'_> {
        MultiRef {
            dim: self.dim,
            data: &self.data,
        }
    }
}

impl<'a> MultiRef<'a> {
    /// The rows, in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.data.chunks_exact(self.dim.max(1))
    }
}

impl Vector {
    /// Borrows the vector.
    pub fn as_ref(&self) -> VectorRef<'_> {
        match self {
            Self::Dense(data) => VectorRef::Dense(data),
            Self::Sparse(sparse) => VectorRef::Sparse(sparse.as_ref()),
            Self::Multi(multi) => VectorRef::Multi(multi.as_ref()),
        }
    }

    /// Multiplies every component by `factor`.
    pub fn scale(&mut self, factor: f32) {
        let values = match self {
            Self::Dense(data) => data,
            Self::Sparse(sparse) => &mut sparse.values,
            Self::Multi(multi) => &mut multi.data,
        };
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

impl VectorRef<'_> {
    /// Copies the components.
    pub fn to_owned(self) -> Vector {
        match self {
            Self::Dense(data) => Vector::Dense(data.to_vec()),
            Self::Sparse(sparse) => Vector::Sparse(SparseVector {
                indices: sparse.indices.to_vec(),
                values: sparse.values.to_vec(),
            }),
            Self::Multi(multi) => Vector::Multi(MultiVector {
                dim: multi.dim,
                data: multi.data.to_vec(),
            }),
        }
    }

    /// Closeness of `self`, the anchor, to a stored vector of the same kind; larger is closer.
    ///
    /// Multi vectors: for each row of the anchor the closest stored row, summed (MaxSim, ColBERT section 3.3);
    /// not symmetric. Sparse vectors always use the dot product. `None` when the kinds differ.
    pub fn similarity(self, stored: VectorRef<'_>, measure: Measure) -> Option<f32> {
        match (self, stored) {
            (Self::Dense(a), VectorRef::Dense(b)) => Some(measure.dense(a, b)),
            (Self::Sparse(a), VectorRef::Sparse(b)) => Some(a.dot(b)),
            (Self::Multi(a), VectorRef::Multi(b)) => Some(
                a.rows()
                    .map(|row| {
                        b.rows()
                            .map(|other| measure.dense(row, other))
                            .fold(f32::NEG_INFINITY, f32::max)
                    })
                    .fold(0.0, |sum, best| sum + best),
            ),
            (Self::Dense(_) | Self::Sparse(_) | Self::Multi(_), _) => None,
        }
    }
}

/// How the components of a vector are stored.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Datatype {
    /// 32-bit floats, the default.
    #[default]
    Float32,
    /// Half precision; compared after widening.
    Float16,
    /// Whole numbers from 0 to 255; what lies outside is clamped, fractions are cut off.
    Uint8,
}

/// What closeness means in one vector field: its distance and how its components are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The distance of the field.
    pub distance: Distance,
    /// The stored form of a component.
    pub datatype: Datatype,
}

impl Measure {
    /// The form in which a vector of this field is stored, and in which an anchor is compared with it.
    pub fn canonical(self, mut vector: Vector) -> Vector {
        match &mut vector {
            Vector::Dense(data) => self.canonical_row(data),
            Vector::Multi(multi) => {
                let dim = multi.dim;
                multi
                    .data
                    .chunks_exact_mut(dim)
                    .for_each(|row| self.canonical_row(row));
            }
            Vector::Sparse(_) => {}
        }
        vector
    }

    fn canonical_row(self, row: &mut [f32]) {
        match self.datatype {
            Datatype::Float32 => self.distance.normalise(row),
            Datatype::Float16 => {
                self.distance.normalise(row);
                row.iter_mut().for_each(|x| *x = half::f16::from_f32(*x).to_f32());
            }
            // Whole numbers cannot hold a unit vector: cosine divides by the lengths when comparing.
            Datatype::Uint8 => row.iter_mut().for_each(|x| *x = x.clamp(0.0, 255.0).trunc()),
        }
    }

    /// Closeness of two canonical dense vectors of this field; larger is closer.
    pub fn dense(self, a: &[f32], b: &[f32]) -> f32 {
        if self.distance == Distance::Cosine && self.datatype == Datatype::Uint8 {
            let dot = Distance::Dot.similarity(a, b);
            let norms = Distance::Dot.similarity(a, a) * Distance::Dot.similarity(b, b);
            return if norms > 0.0 { dot / norms.sqrt() } else { 0.0 };
        }
        self.distance.similarity(a, b)
    }
}

/// The vectors of a point by name; the default vector has the empty name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NamedVectors(BTreeMap<String, Vector>);

impl NamedVectors {
    /// The vector called `name`.
    pub fn find(&self, name: &str) -> Option<&Vector> {
        self.0.get(name)
    }

    /// Adds or replaces the vector called `name`.
    pub fn insert(&mut self, name: impl Into<String>, vector: Vector) {
        self.0.insert(name.into(), vector);
    }

    /// Takes the vector called `name` away.
    pub fn remove(&mut self, name: &str) -> Option<Vector> {
        self.0.remove(name)
    }

    /// Names and vectors, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Vector)> {
        self.0.iter().map(|(name, vector)| (name.as_str(), vector))
    }

    /// Whether the point has no vector.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Vector)> for NamedVectors {
    fn from_iter<I: IntoIterator<Item = (String, Vector)>>(vectors: I) -> Self {
        Self(vectors.into_iter().collect())
    }
}

impl IntoIterator for NamedVectors {
    type Item = (String, Vector);
    type IntoIter = std::collections::btree_map::IntoIter<String, Vector>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

impl Serialize for VectorRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Dense(data) => data.serialize(serializer),
            Self::Sparse(sparse) => {
                let mut fields = serializer.serialize_struct("SparseVector", 2)?;
                fields.serialize_field("indices", sparse.indices)?;
                fields.serialize_field("values", sparse.values)?;
                fields.end()
            }
            Self::Multi(multi) => {
                let rows = multi.rows();
                let mut list = serializer.serialize_seq(Some(rows.len()))?;
                for row in rows {
                    list.serialize_element(row)?;
                }
                list.end()
            }
        }
    }
}

/// The default vector alone is written bare, anything else as a map by name.
impl Serialize for NamedVectors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0.len(), self.0.get(DEFAULT_VECTOR)) {
            (1, Some(vector)) => vector.serialize(serializer),
            (count, _) => {
                let mut map = serializer.serialize_map(Some(count))?;
                for (name, vector) in &self.0 {
                    map.serialize_entry(name, vector)?;
                }
                map.end()
            }
        }
    }
}
