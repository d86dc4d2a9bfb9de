//! Where a repair keeps what it takes out: `lost/<n>/` and the name that the object had.

use kindred_storage::{Error as StorageError, STORE_NAME};

use super::report::Report;
use crate::env::Env;

/// Where all repairs keep things.
pub(super) const LOST: &str = "lost/";

/// The things of one repair. Its number is drawn when the first thing comes.
pub(super) struct Lost<'a> {
    env: &'a Env,
    number: Option<u64>,
}

impl<'a> Lost<'a> {
    pub(super) fn new(env: &'a Env) -> Self {
        Self { env, number: None }
    }

    /// Copies the object; one that is not there has nothing to keep, and one that was kept already stays.
    pub(super) fn keep(&mut self, name: &str) -> Result<(), StorageError> {
        let object = match self.env.store.get(name, None) {
            Ok(object) => object,
            Err(StorageError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        // The one name that no other object may have has its letters lowered.
        let kept = if name == STORE_NAME { "store" } else { name };
        let place = format!("{}{kept}", self.place()?);
        let copied = self.env.store.create_with(&place, &mut |out| {
            let written = out.write_all(&object);
            written.map_err(|source| StorageError::io(&place, source))
        });
        match copied {
            Err(StorageError::Exists { .. }) => Ok(()),
            done => done,
        }
    }

    /// Writes down what was done beside what was kept; says where that is.
    pub(super) fn finish(&mut self, report: &Report) -> Result<Option<String>, StorageError> {
        if self.number.is_none() {
            return Ok(None);
        }
        let place = self.place()?;
        let text = format!("{report}\n");
        self.env
            .store
            .create(&format!("{place}report.txt"), text.as_bytes())?;
        Ok(Some(place))
    }

    fn place(&mut self) -> Result<String, StorageError> {
        let number = match self.number {
            Some(number) => number,
            None => {
                let names = self.env.store.list(LOST)?;
                let numbers = names.iter().filter_map(|name| {
                    let (number, _) = name.strip_prefix(LOST)?.split_once('/')?;
                    number.parse::<u64>().ok()
                });
                numbers.max().unwrap_or(0).saturating_add(1)
            }
        };
        self.number = Some(number);
        Ok(format!("{LOST}{number}/"))
    }
}
