//! What each vector name of a collection stands for, and whether a vector fits there.

use super::collection::CollectionConfig;
use super::vectors::{Modifier, SparseVectorParams, VectorParams};
use crate::distance::Distance;
use crate::error::Invalid;
use crate::vector::{DEFAULT_VECTOR, Datatype, Measure, MultiVector, Vector};

/// One named vector field, as far as arithmetic is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// One vector of `dim` components a point.
    Dense {
        /// Components.
        dim: usize,
        /// Distance and stored form.
        measure: Measure,
    },
    /// Rows of `dim` components, compared by MaxSim.
    Multi {
        /// Components of a row.
        dim: usize,
        /// Distance and stored form of a row.
        measure: Measure,
    },
    /// Few components of a very large space, compared by dot product.
    Sparse {
        /// Whether an anchor's weights are multiplied by how rare their indices are.
        idf: bool,
    },
}

impl From<&VectorParams> for Column {
    fn from(params: &VectorParams) -> Self {
        // Sizes are checked when a collection is made; one that no memory could hold fits no vector.
        let dim = usize::try_from(params.size).unwrap_or(usize::MAX);
        let measure = Measure {
            distance: params.distance,
            datatype: params.datatype.unwrap_or_default(),
        };
        if params.multivector_config.is_some() {
            Self::Multi { dim, measure }
        } else {
            Self::Dense { dim, measure }
        }
    }
}

impl From<&SparseVectorParams> for Column {
    fn from(params: &SparseVectorParams) -> Self {
        Self::Sparse {
            idf: params.modifier == Some(Modifier::Idf),
        }
    }
}

impl Column {
    /// Distance and stored form of what is compared; sparse vectors always use the dot product.
    pub fn measure(&self) -> Measure {
        match self {
            Self::Dense { measure, .. } | Self::Multi { measure, .. } => *measure,
            Self::Sparse { .. } => Measure {
                distance: Distance::Dot,
                datatype: Datatype::Float32,
            },
        }
    }

    /// `vector` as this column's kind: a dense vector becomes the only row of a multi vector, all else stays.
    /// Fails when kind or dimension differ.
    pub fn shaped(&self, vector: Vector) -> Result<Vector, Invalid> {
        match (self, vector) {
            (Self::Dense { dim, .. }, Vector::Dense(data)) => {
                check_dim(*dim, data.len())?;
                Ok(Vector::Dense(data))
            }
            (Self::Multi { dim, .. }, Vector::Dense(row)) => {
                check_dim(*dim, row.len())?;
                MultiVector::from_flat(*dim, row)
                    .map(Vector::Multi)
                    .ok_or_else(|| wrong_kind("multi"))
            }
            (Self::Multi { dim, .. }, Vector::Multi(rows)) => {
                check_dim(*dim, rows.as_ref().dim)?;
                Ok(Vector::Multi(rows))
            }
            (Self::Sparse { .. }, Vector::Sparse(sparse)) => Ok(Vector::Sparse(sparse)),
            (Self::Dense { .. }, Vector::Multi(_)) => Err(wrong_kind("multi")),
            (Self::Dense { .. } | Self::Multi { .. }, Vector::Sparse(_))
            | (Self::Sparse { .. }, Vector::Dense(_) | Vector::Multi(_)) => Err(wrong_kind("sparse")),
        }
    }

    /// The form in which `vector` is stored in this column, and in which an anchor is compared with it.
    ///
    /// Fails as [`Column::shaped`] does, and when a component is not finite in the stored form.
    pub fn canonical(&self, vector: Vector) -> Result<Vector, Invalid> {
        let vector = self.measure().canonical(self.shaped(vector)?);
        if components(&vector).iter().all(|component| component.is_finite()) {
            Ok(vector)
        } else {
            Err(Invalid::input(
                "Vector components must be finite numbers that fit the stored datatype",
            ))
        }
    }
}

fn components(vector: &Vector) -> &[f32] {
    match vector {
        Vector::Dense(data) => data,
        Vector::Sparse(sparse) => sparse.values(),
        Vector::Multi(rows) => rows.as_ref().data,
    }
}

fn check_dim(expected: usize, got: usize) -> Result<(), Invalid> {
    if expected == got {
        Ok(())
    } else {
        Err(Invalid::input(format!(
            "Vector dimension error: expected dim: {expected}, got {got}"
        )))
    }
}

fn wrong_kind(kind: &str) -> Invalid {
    Invalid::input(format!("Conversion between {kind} and regular vectors failed"))
}

/// What is said when a point, an example or a selector names a vector that the collection does not have.
pub(super) fn unknown_vector(name: &str) -> Invalid {
    Invalid::input(format!("Not existing vector name error: {name}"))
}

impl CollectionConfig {
    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<Column> {
        let dense = self.vectors.get(name).map(Column::from);
        dense.or_else(|| self.sparse_vectors.get(name).map(Column::from))
    }

    /// Whether the vectors of the field `name` are to stay on disk rather than in memory.
    pub fn is_on_disk(&self, name: &str) -> bool {
        self.vectors
            .get(name)
            .is_some_and(|params| params.on_disk == Some(true))
    }

    /// All columns: dense and multi vectors by name, then sparse vectors by name.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Column)> {
        let dense = self
            .vectors
            .iter()
            .map(|(name, params)| (name.as_str(), Column::from(params)));
        dense.chain(
            self.sparse_vectors
                .iter()
                .map(|(name, params)| (name.as_str(), Column::from(params))),
        )
    }

    /// Fails, as for a point or a selector, when no column is called `name`.
    pub fn known_column(&self, name: &str) -> Result<Column, Invalid> {
        self.column(name).ok_or_else(|| unknown_vector(name))
    }

    /// See [`Column::canonical`]; fails also when no column is called `name`.
    pub fn canonical(&self, name: &str, vector: Vector) -> Result<Vector, Invalid> {
        self.known_column(name)?.canonical(vector)
    }

    /// The column that a query measures: the one called `using`, else the default vector.
    pub fn query_column(&self, using: Option<&str>) -> Result<(String, Column), Invalid> {
        let name = using.unwrap_or(DEFAULT_VECTOR);
        if let Some(column) = self.column(name) {
            return Ok((name.to_owned(), column));
        }
        let names: Vec<&str> = self
            .columns()
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty())
            .collect();
        let available = names.join(", ");
        Err(Invalid::input(
            if self.vectors.is_empty() && self.sparse_vectors.is_empty() {
                "Vectors are not configured in this collection".to_owned()
            } else if name == DEFAULT_VECTOR {
                format!(
                    "Collection requires specified vector name in the request, available names: {available}"
                )
            } else if names.is_empty() {
                format!("Vector with name {name} is not configured in this collection")
            } else {
                format!(
                    "Vector with name `{name}` is not configured in this collection, available names: {available}"
                )
            },
        ))
    }
}
