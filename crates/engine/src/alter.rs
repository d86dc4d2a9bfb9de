//! Changing the settings of a collection: in the catalog first, then in its views.

use kindred_model::config::{FieldSchema, FieldType, NewVector, UpdateCollection};
use kindred_model::limits;
use kindred_model::path::JsonPath;

use crate::catalog::Entry;
use crate::collection::UpdateResult;
use crate::database::Database;
use crate::error::{Error, ErrorKind};

impl Database {
    /// Changes the settings of a collection.
    ///
    /// # Errors
    /// `NotFound` for an unknown name, `Invalid…` for a setting that does not fit.
    pub fn update_collection(&self, name: &str, patch: UpdateCollection) -> Result<(), Error> {
        self.reconfigure(name, |entry| Ok(entry.config.apply(patch)?))?;
        Ok(())
    }

    /// Adds a vector field to a collection.
    ///
    /// # Errors
    /// `InvalidInput` when the name is taken.
    pub fn create_vector(&self, collection: &str, name: &str, vector: NewVector) -> Result<(), Error> {
        self.reconfigure(collection, |entry| {
            entry.config.add_vector(name, vector)?;
            // There may have been a field of this name before.
            self.names.load().collection(collection)?.retire_column(name)
        })?;
        Ok(())
    }

    /// Removes a vector field, with the vectors of every point.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such field.
    pub fn drop_vector(&self, collection: &str, name: &str) -> Result<(), Error> {
        self.reconfigure(collection, |entry| Ok(entry.config.drop_vector(name)?))?;
        Ok(())
    }

    /// Makes, or replaces, the index on a payload field.
    ///
    /// # Errors
    /// `InvalidInput` for an index on texts, which is not built yet.
    pub fn create_index(
        &self,
        collection: &str,
        field: JsonPath,
        schema: FieldSchema,
    ) -> Result<UpdateResult, Error> {
        if schema.data_type() == FieldType::Text {
            let text = "Full-text indexes are not built yet; match.text works without one, by substring";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        self.reconfigure(collection, |entry| {
            entry.indexes.insert(field, schema);
            if entry.indexes.len() > limits::PAYLOAD_INDEXES_MAX {
                let text = format!(
                    "a collection has at most {} payload indexes",
                    limits::PAYLOAD_INDEXES_MAX
                );
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            Ok(())
        })
    }

    /// Removes the index on a payload field, if there is one.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection.
    pub fn drop_index(&self, collection: &str, field: &JsonPath) -> Result<UpdateResult, Error> {
        self.reconfigure(collection, |entry| {
            entry.indexes.remove(field);
            Ok(())
        })
    }

    /// Changes the settings of a collection: in the catalog first, then in its views.
    fn reconfigure(
        &self,
        name: &str,
        change: impl FnOnce(&mut Entry) -> Result<(), Error>,
    ) -> Result<UpdateResult, Error> {
        let mut catalog = self.catalog.lock();
        let names = self.names.load_full();
        let collection = names.collection(name)?;
        let own_name = names.aliases.get(name).map_or(name, String::as_str);
        let mut next = catalog.current().clone();
        let entry = next
            .collections
            .get_mut(own_name)
            .ok_or_else(|| Error::no_collection(name))?;
        change(entry)?;
        let settings = entry.settings();
        collection.reconfigure(settings, || catalog.commit(next))
    }
}
