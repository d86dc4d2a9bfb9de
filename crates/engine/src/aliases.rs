//! Other names for collections.

use kindred_model::config::AliasAction;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::error::{Error, ErrorKind};

/// Another name for a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// The other name.
    pub alias_name: String,
    /// The collection's own name.
    pub collection_name: String,
}

/// Applies one action to the catalog.
pub(crate) fn apply(catalog: &mut Catalog, action: AliasAction) -> Result<(), Error> {
    match action {
        AliasAction::CreateAlias {
            collection_name,
            alias_name,
        } => {
            if catalog.collections.contains_key(&alias_name) {
                let text = format!("Collection `{alias_name}` already exists!");
                return Err(Error::new(ErrorKind::AlreadyExists, text));
            }
            if !catalog.collections.contains_key(&collection_name) {
                return Err(Error::no_collection(&collection_name));
            }
            catalog.aliases.insert(alias_name, collection_name);
        }
        AliasAction::DeleteAlias { alias_name } => {
            catalog.aliases.remove(&alias_name);
        }
        AliasAction::RenameAlias {
            old_alias_name,
            new_alias_name,
        } => {
            if catalog.collections.contains_key(&new_alias_name) {
                let text = format!("Collection `{new_alias_name}` already exists!");
                return Err(Error::new(ErrorKind::AlreadyExists, text));
            }
            let Some(collection) = catalog.aliases.remove(&old_alias_name) else {
                let text = format!("Alias {old_alias_name} does not exists!");
                return Err(Error::new(ErrorKind::NotFound, text));
            };
            catalog.aliases.insert(new_alias_name, collection);
        }
    }
    Ok(())
}
