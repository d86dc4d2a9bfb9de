//! Changes to aliases, as the wire writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::{check_name, check_new_name};
use crate::error::{Check, Validate};

/// One change of the aliases of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AliasAction {
    /// Makes an alias, or points an existing one elsewhere.
    CreateAlias {
        /// The collection that the alias will stand for.
        collection_name: String,
        /// The alias.
        alias_name: String,
    },
    /// Takes an alias away; an unknown alias is no error.
    DeleteAlias {
        /// The alias.
        alias_name: String,
    },
    /// Gives an alias another name.
    RenameAlias {
        /// An alias that exists.
        old_alias_name: String,
        /// Its new name.
        new_alias_name: String,
    },
}

/// The body of a request that changes aliases; the actions run in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasActions {
    /// What to do, first to last.
    pub actions: Vec<AliasAction>,
}

impl Validate for AliasAction {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::CreateAlias {
                collection_name,
                alias_name,
            } => check.within("create_alias", |check| {
                check_name(check, "collection_name", collection_name);
                check_new_name(check, "alias_name", alias_name);
            }),
            Self::DeleteAlias { alias_name } => {
                check.within("delete_alias", |check| {
                    check_name(check, "alias_name", alias_name)
                });
            }
            Self::RenameAlias {
                old_alias_name,
                new_alias_name,
            } => check.within("rename_alias", |check| {
                check_name(check, "old_alias_name", old_alias_name);
                check_new_name(check, "new_alias_name", new_alias_name);
            }),
        }
    }
}

impl Validate for AliasActions {
    fn validate(&self, check: &mut Check) {
        check.each("actions", &self.actions);
    }
}
