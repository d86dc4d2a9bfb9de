//! Restoring: a checked snapshot becomes a collection in one step. Its objects are written under a new identity that
//! the catalog holds for dropped, so that whatever stops this halfway is swept; one commit then names it, and holds
//! the collection that it replaces for dropped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kindred_model::config::new_collection_name;
use kindred_model::limits;
use kindred_segment::Work;
use kindred_storage::{Error as StorageError, Journal, Lsn, Object, Region, load_file};
use uuid::Uuid;

use super::archive::{Archive, Checked, STEP_BYTES};
use super::location::local_path;
use super::meta::SnapshotKind;
use super::{SnapshotUpload, absent, distrusted};
use crate::catalog::{CatalogStore, Entry};
use crate::collection::Collection;
use crate::collection::body;
use crate::ctx::Ctx;
use crate::database::Database;
use crate::error::{Error, ErrorKind};
use crate::query::Slot;
use crate::{recovery, upkeep};

/// A collection whose objects are all there, and which nothing names yet.
struct Planted {
    name: String,
    entry: Entry,
    collection: Collection,
}

impl Database {
    /// Puts what was uploaded in the place of the collection, or makes it. Aliases stay. `checksum`, if given, is the
    /// SHA-256 that the file must have.
    ///
    /// # Errors
    /// `InvalidInput` when it is not a good snapshot, `Mismatch` when it is another file; nothing has changed then, nor
    /// after `Full`.
    pub fn restore_uploaded(
        &self,
        ctx: &Ctx,
        collection: &str,
        mut upload: SnapshotUpload,
        checksum: Option<&str>,
    ) -> Result<(), Error> {
        compare(checksum, || Ok(upload.draft.checksum()))?;
        let object = upload.draft.finish()?;
        self.restore(ctx, collection, object)
    }

    /// As [`Database::restore_uploaded`], from a `file://` location inside the folder of snapshots.
    ///
    /// # Errors
    /// The same, `InvalidRequest` for another location or no file, `Forbidden` for a file elsewhere.
    pub fn recover_snapshot(
        &self,
        ctx: &Ctx,
        collection: &str,
        location: &str,
        checksum: Option<&str>,
    ) -> Result<(), Error> {
        let path = local_path(location)?;
        let shelf = self.shelf()?;
        let _turn = shelf.begin()?;
        // WIRE: both texts are compared by clients.
        let mut copy = shelf.files.take_in(&path).map_err(|error| {
            if let StorageError::NotFound { .. } = error {
                let text = format!("Snapshot file {path:?} does not exist");
                return Error::new(ErrorKind::InvalidRequest, text);
            }
            if let StorageError::BadName { .. } = error {
                let text = "Snapshot file path must be inside the snapshots directory";
                return Error::new(ErrorKind::Forbidden, text);
            }
            error.into()
        })?;
        let object = copy.finish()?;
        compare(checksum, || Ok(copy.checksum()))?;
        self.restore(ctx, collection, object)
    }

    /// Restores a snapshot of everything into this database, which must have no collection yet. The file may lie
    /// anywhere. Gives the number of collections.
    ///
    /// # Errors
    /// `InvalidInput` when it is not a good snapshot of everything, `AlreadyExists` when the database is in use.
    pub fn restore_all(&self, ctx: &Ctx, path: impl AsRef<Path>) -> Result<usize, Error> {
        let label = path.as_ref().display().to_string();
        let object = load_file(path.as_ref(), &label).map_err(|error| absent(error, &label))?;
        let archive = Archive::open(object, Some(SnapshotKind::Storage)).map_err(distrusted)?;
        let checked = archive.check(ctx).map_err(distrusted)?;
        let current = self.names.load_full();
        if !current.collections.is_empty() || !current.aliases.is_empty() {
            let text = "the storage holds collections already; a whole snapshot goes into an empty one";
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let named = checked.into_iter().map(|part| (part.part.name.clone(), part));
        let named: Vec<(String, Checked<'_>)> = named.collect();
        self.install(ctx, &named, &archive.meta().aliases)?;
        Ok(named.len())
    }

    fn restore(&self, ctx: &Ctx, target: &str, object: Object) -> Result<(), Error> {
        let name = match self.own_name(target) {
            Ok(name) => name,
            Err(_) => {
                new_collection_name(target)?;
                target.to_owned()
            }
        };
        let archive = Archive::open(object, Some(SnapshotKind::Collection)).map_err(distrusted)?;
        let checked = archive.check(ctx).map_err(distrusted)?;
        let named: Vec<(String, Checked<'_>)> =
            checked.into_iter().map(|part| (name.clone(), part)).collect();
        self.install(ctx, &named, &BTreeMap::new())
    }

    /// Makes collections of the parts, or leaves everything as it is.
    fn install(
        &self,
        ctx: &Ctx,
        parts: &[(String, Checked<'_>)],
        aliases: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        parts
            .iter()
            .try_for_each(|(_, part)| part.part.check_restorable())?;
        let uuids: Vec<Uuid> = parts.iter().map(|_| self.env.random_uuid()).collect();
        let mut catalog = self.catalog.lock();
        catalog.announce(&uuids)?;
        drop(catalog);
        let planted = parts
            .iter()
            .zip(&uuids)
            .map(|((name, part), uuid)| self.plant(ctx, name, part, *uuid))
            .collect::<Result<Vec<Planted>, Error>>();
        let mut catalog = self.catalog.lock();
        match planted {
            Ok(planted) => self.exchange(&mut catalog, planted, aliases),
            Err(error) => {
                self.take_back(&mut catalog, &uuids);
                Err(error)
            }
        }
    }

    /// Writes the objects of one collection and opens it.
    fn plant(&self, ctx: &Ctx, name: &str, part: &Checked<'_>, uuid: Uuid) -> Result<Planted, Error> {
        let entry = Entry {
            uuid,
            config: part.part.config.clone(),
            indexes: part.part.indexes.clone(),
        };
        let store = Arc::clone(&self.env.store);
        let shard = upkeep::shard(uuid);
        let mut journal = Journal::open::<Error>(store, &shard, self.env.random_u128(), |_, _| Ok(()))?;
        let mut segments = Vec::with_capacity(part.segments.len());
        for region in &part.segments {
            let object = journal.segment_name();
            self.copy(ctx, &object, region)?;
            segments.push(object);
        }
        let from = Lsn(part.part.position + 1);
        journal.transplant(from, segments, body::encode(&part.kept))?;
        let collection = recovery::open(&self.env, &entry, self.env.random_u128())?;
        if let Some(why) = collection.damaged().first() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("a restored segment is damaged: {why}"),
            ));
        }
        Ok(Planted {
            name: name.to_owned(),
            entry,
            collection,
        })
    }

    fn copy(&self, ctx: &Ctx, name: &str, region: &Region) -> Result<(), Error> {
        let written = self.env.store.create_with(name, &mut |out| {
            for step in region.chunks(STEP_BYTES) {
                let asked = ctx.go_on().map_err(|_| std::io::ErrorKind::Interrupted.into());
                let written = asked.and_then(|()| out.write_all(step));
                written.map_err(|error| StorageError::io(name, error))?;
            }
            Ok(())
        });
        ctx.check()?;
        Ok(written?)
    }

    /// Names the planted collections, all in one commit, and removes what they replace.
    fn exchange(
        &self,
        catalog: &mut CatalogStore,
        planted: Vec<Planted>,
        aliases: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let mut next = catalog.current().clone();
        let mut replaced = Vec::new();
        for Planted { name, entry, .. } in &planted {
            next.dropped.remove(&entry.uuid);
            if let Some(old) = next.collections.insert(name.clone(), entry.clone()) {
                next.dropped.insert(old.uuid);
                replaced.push((name.clone(), old.uuid));
            }
        }
        next.aliases
            .extend(aliases.iter().map(|(alias, name)| (alias.clone(), name.clone())));
        let uuids: Vec<Uuid> = planted.iter().map(|planted| planted.entry.uuid).collect();
        let names = self.names.load_full();
        let committed = check_catalog(&next.collections, &next.aliases).and_then(|()| {
            let committed = catalog.commit(next);
            if let Err(error) = &committed
                && error.leaves_doubt()
            {
                // The new catalog may be there all the same. What is written to the old collections from now on
                // could not be kept, and the objects of the new ones must stay: the next opening knows.
                for (name, _) in &replaced {
                    if let Some(Slot::Open(collection)) = names.collections.get(name) {
                        collection.halt();
                    }
                }
            }
            committed
        });
        if let Err(error) = committed {
            drop(planted);
            if !error.leaves_doubt() {
                self.take_back(catalog, &uuids);
            }
            return Err(error);
        }
        self.rename(|names| {
            for Planted { name, collection, .. } in planted {
                names.collections.insert(name, Slot::Open(Arc::new(collection)));
            }
            names.aliases.clone_from(&catalog.current().aliases);
        });
        for (name, uuid) in replaced {
            if let Some(Slot::Open(collection)) = names.collections.get(&name) {
                collection.close();
            }
            // What cannot be removed now is swept at the next opening.
            if upkeep::remove(&self.env, uuid).is_ok() {
                catalog.forget(uuid);
            }
        }
        Ok(())
    }

    /// Removes what was written for a restoration that failed; what cannot be removed is swept at the next opening.
    fn take_back(&self, catalog: &mut CatalogStore, uuids: &[Uuid]) {
        for uuid in uuids {
            if upkeep::remove(&self.env, *uuid).is_ok() {
                catalog.forget(*uuid);
            }
        }
    }
}

/// What may have become wrong while the objects were written.
fn check_catalog(
    collections: &BTreeMap<String, Entry>,
    aliases: &BTreeMap<String, String>,
) -> Result<(), Error> {
    if let Some(name) = collections.keys().find(|name| aliases.contains_key(*name)) {
        let text = format!("`{name}` is the name of an alias");
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    if collections.len() + aliases.len() > limits::COLLECTIONS_MAX {
        let text = format!(
            "a database has at most {} collections and aliases",
            limits::COLLECTIONS_MAX
        );
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(())
}

fn compare(wanted: Option<&str>, found: impl FnOnce() -> Result<String, Error>) -> Result<(), Error> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let found = found()?;
    if wanted.trim().eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    let wanted: String = wanted.chars().take(found.len()).collect();
    Err(Error::new(
        ErrorKind::Mismatch,
        format!("expected: {wanted}, actual: {found}"),
    ))
}
