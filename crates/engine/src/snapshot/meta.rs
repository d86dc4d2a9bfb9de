//! What a snapshot says about itself: which collections it holds, how they were configured, and up to which position.
//! Read from strangers, so whatever it says passes the checks of a request that would make the same collection.

use std::collections::{BTreeMap, BTreeSet};

use kindred_model::bounded::has_more_nodes;
use kindred_model::config::{
    AliasAction, AliasActions, CollectionConfig, CreateCollection, FieldSchema, FieldType, VectorsConfig,
    new_collection_name,
};
use kindred_model::error::Check;
use kindred_model::limits;
use kindred_model::path::JsonPath;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The layout of the JSON below.
const FORMAT: u32 = 1;

/// How large a description may be.
struct Size {
    bytes: usize,
    /// Objects and arrays.
    nodes: usize,
}

/// Of one collection, which strangers send to a server.
const COLLECTION_SIZE: Size = Size {
    bytes: 4 << 20,
    nodes: limits::QUERY_NODES_MAX,
};

/// Of everything, which is restored by command only.
const STORAGE_SIZE: Size = Size {
    bytes: 64 << 20,
    nodes: 1 << 20,
};

/// Largest position: far beyond what any log reaches, and far from where numbers end.
const POSITION_MAX: u64 = 1 << 62;

/// Largest position of what is restored, so that it can go on and be in a snapshot again.
const RESTORED_POSITION_MAX: u64 = POSITION_MAX / 2;

/// What a snapshot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotKind {
    /// One collection.
    Collection,
    /// All collections, and the aliases.
    Storage,
}

/// The description of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    format: u32,
    pub(super) kind: SnapshotKind,
    pub(super) collections: Vec<Part>,
    /// From alias to collection; of a storage only.
    pub(super) aliases: BTreeMap<String, String>,
}

/// One collection of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// As it was called; a restored collection has the name that its restorer says.
    pub(super) name: String,
    /// Everything up to here is in the segments, nothing after.
    pub(super) position: u64,
    pub(super) segments: u32,
    pub(super) config: CollectionConfig,
    pub(super) indexes: BTreeMap<JsonPath, FieldSchema>,
}

impl Meta {
    pub(super) fn new(kind: SnapshotKind, collections: Vec<Part>, aliases: BTreeMap<String, String>) -> Self {
        Self {
            format: FORMAT,
            kind,
            collections,
            aliases,
        }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let encoded = serde_json::to_vec(self);
        encoded.map_err(|error| {
            Error::new(
                ErrorKind::Internal,
                format!("the snapshot's description: {error}"),
            )
        })
    }

    /// # Errors
    /// `InvalidInput` when it is not what a snapshot says, or breaks a limit.
    pub(super) fn decode(bytes: &[u8], kind: Option<SnapshotKind>) -> Result<Self, Error> {
        let size = match kind {
            Some(SnapshotKind::Collection) => COLLECTION_SIZE,
            Some(SnapshotKind::Storage) | None => STORAGE_SIZE,
        };
        if bytes.len() > size.bytes || has_more_nodes(bytes, size.nodes) {
            return Err(refused("its description is over the limits"));
        }
        // The number of the layout first: what follows may look otherwise in a newer one.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let unreadable =
            |error: serde_json::Error| refused(format!("its description cannot be read: {error}"));
        let Version { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != FORMAT {
            return Err(refused(format!(
                "its description has version {format}, this program reads {FORMAT}"
            )));
        }
        let meta: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        meta.check()?;
        Ok(meta)
    }

    fn check(&self) -> Result<(), Error> {
        for part in &self.collections {
            part.check()
                .map_err(|error| refused(format!("collection `{}`: {error}", shortened(&part.name))))?;
        }
        match self.kind {
            SnapshotKind::Collection => {
                if self.collections.len() != 1 || !self.aliases.is_empty() {
                    return Err(refused("it is not of exactly one collection"));
                }
                Ok(())
            }
            SnapshotKind::Storage => self.check_names(),
        }
    }

    /// The names of a storage, as the requests that would make them are checked.
    fn check_names(&self) -> Result<(), Error> {
        if self.collections.len() + self.aliases.len() > limits::COLLECTIONS_MAX {
            return Err(refused("it has too many collections and aliases"));
        }
        let mut names = BTreeSet::new();
        for part in &self.collections {
            new_collection_name(&part.name).map_err(|invalid| refused(invalid.to_string()))?;
            if !names.insert(part.name.as_str()) {
                return Err(refused(format!("collection `{}` is in it twice", part.name)));
            }
        }
        for (alias, collection) in &self.aliases {
            let action = AliasAction::CreateAlias {
                collection_name: collection.clone(),
                alias_name: alias.clone(),
            };
            let actions = AliasActions {
                actions: vec![action],
            };
            Check::all("", &actions).map_err(|invalid| refused(invalid.to_string()))?;
            if names.contains(alias.as_str()) || !names.contains(collection.as_str()) {
                return Err(refused(format!(
                    "alias `{alias}` is of no collection, or called as one"
                )));
            }
        }
        Ok(())
    }
}

impl Part {
    /// Refuses a position from which a collection could not go on.
    pub(super) fn check_restorable(&self) -> Result<(), Error> {
        if self.position > RESTORED_POSITION_MAX {
            return Err(refused("its position is impossible"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        if self.position > POSITION_MAX {
            return Err(refused("its position is impossible"));
        }
        check_config(&self.config)?;
        if self.indexes.len() > limits::PAYLOAD_INDEXES_MAX {
            return Err(refused("it has too many payload indexes"));
        }
        for schema in self.indexes.values() {
            Check::all("", schema)?;
            if schema.data_type() == FieldType::Text {
                return Err(refused("full-text indexes are not built yet"));
            }
        }
        Ok(())
    }
}

/// Passes the settings through the request that would make the collection.
fn check_config(config: &CollectionConfig) -> Result<(), Error> {
    let request = CreateCollection {
        vectors: Some(VectorsConfig(config.vectors.clone())),
        sparse_vectors: Some(config.sparse_vectors.clone()),
        shard_number: Some(config.shard_number),
        sharding_method: config.sharding_method,
        replication_factor: Some(config.replication_factor),
        write_consistency_factor: Some(config.write_consistency_factor),
        on_disk_payload: Some(config.on_disk_payload),
        hnsw_config: Some(recast(&config.hnsw_config)?),
        wal_config: Some(recast(&config.wal_config)?),
        optimizers_config: Some(recast(&config.optimizer_config)?),
        quantization_config: config.quantization_config.clone(),
        strict_mode_config: config.strict_mode_config.clone(),
        metadata: config.metadata.clone(),
    };
    request.into_config()?;
    Ok(())
}

/// The stored form in the words of a request, which has the same keys.
fn recast<T: Serialize, U: DeserializeOwned>(stored: &T) -> Result<U, Error> {
    let recast = serde_json::to_value(stored).and_then(serde_json::from_value);
    recast.map_err(|error| refused(error.to_string()))
}

/// A snapshot that is not taken.
pub(super) fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the snapshot is refused: {why}"))
}

/// A name as a stranger wrote it, for an error.
fn shortened(name: &str) -> String {
    name.chars().take(limits::COLLECTION_NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// What a snapshot of a collection with these settings says.
    fn meta(create: Value) -> Value {
        let create: CreateCollection = serde_json::from_value(create).unwrap();
        let part = Part {
            name: "art".to_owned(),
            position: 7,
            segments: 1,
            config: create.into_config().unwrap(),
            indexes: BTreeMap::new(),
        };
        let meta = Meta::new(SnapshotKind::Collection, vec![part], BTreeMap::new());
        serde_json::from_slice(&meta.encode().unwrap()).unwrap()
    }

    fn decode(meta: &Value) -> Result<Meta, Error> {
        Meta::decode(&serde_json::to_vec(meta).unwrap(), None)
    }

    /// Every collection that can be made can be restored.
    #[test]
    fn settings_of_a_request_pass() {
        for create in [
            json!({}),
            json!({"vectors": {"size": 65536, "distance": "Dot", "datatype": "uint8", "on_disk": true}}),
            json!({"vectors": {"a": {"size": 2, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}}},
                   "sparse_vectors": {"b": {"modifier": "idf", "index": {"on_disk": true}}},
                   "hnsw_config": {"m": 0, "ef_construct": 4}, "metadata": {"a": [1, {"b": null}]},
                   "optimizers_config": {"max_optimization_threads": "auto", "memmap_threshold": 0},
                   "wal_config": {"wal_capacity_mb": 1}, "quantization_config": {"scalar": {"type": "int8"}},
                   "strict_mode_config": {"enabled": true, "max_query_limit": 5}, "shard_number": 3}),
        ] {
            let written = meta(create);
            let read = decode(&written).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), written);
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    #[test]
    fn hostile_descriptions_are_refused() {
        let change = |pointer: &str, value: Value| {
            let mut meta = meta(json!({"vectors": {"size": 2, "distance": "Dot"}}));
            *meta.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            meta
        };
        let part = "/collections/0";
        let params = "/collections/0/config/params";
        let many: Value = (0..2000)
            .map(|number| (format!("v{number}"), json!({"size": 1, "distance": "Dot"})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let indexes: Value = (0..2000)
            .map(|number| (format!("f{number}"), json!("keyword")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        for (meta, want) in [
            (change("/format", json!(2)), "version 2"),
            (change("/kind", json!("everything")), "cannot be read"),
            (change("/collections", json!([])), "exactly one"),
            (change("/aliases", json!({"a": "art"})), "exactly one"),
            (change(&format!("{part}/position"), json!(u64::MAX)), "position"),
            (change(&format!("{part}/position"), json!(-1)), "cannot be read"),
            (
                change(&format!("{part}/indexes"), json!({"a": "text"})),
                "full-text",
            ),
            (
                change(&format!("{part}/indexes"), json!({"a[": "keyword"})),
                "cannot be read",
            ),
            (
                change(&format!("{part}/indexes"), indexes),
                "too many payload indexes",
            ),
            (
                change(
                    &format!("{params}/vectors"),
                    json!({"size": 0, "distance": "Dot"}),
                ),
                "size",
            ),
            (
                change(
                    &format!("{params}/vectors"),
                    json!({"size": 65537, "distance": "Dot"}),
                ),
                "size",
            ),
            (
                change(
                    &format!("{params}/vectors"),
                    json!({"\u{1}": {"size": 1, "distance": "Dot"}}),
                ),
                "control characters",
            ),
            (
                change(
                    &format!("{params}/vectors"),
                    json!({"a".repeat(201): {"size": 1, "distance": "Dot"}}),
                ),
                "201 bytes",
            ),
            (change(&format!("{params}/vectors"), many), "at most"),
            (
                change(&format!("{params}/shard_number"), json!(0)),
                "shard_number",
            ),
            (
                change(&format!("{part}/config/hnsw_config/m"), json!(100_000)),
                "m: ",
            ),
        ] {
            let error = decode(&meta).map(drop).expect_err(want);
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            let text = error.to_string();
            assert!(text.contains(want) && text.contains("refused"), "{want}: {text}");
        }
        for bytes in [
            &b""[..],
            b"{}",
            b"[1]",
            b"null",
            b"\xff",
            "[".repeat(1 << 21).as_bytes(),
        ] {
            assert!(Meta::decode(bytes, None).is_err());
        }
    }

    #[test]
    fn names_of_a_storage_are_checked() {
        let storage = |names: &[&str], aliases: Value| {
            let one = meta(json!({}));
            let parts = names.iter().map(|name| {
                let mut part = one["collections"][0].clone();
                part["name"] = json!(name);
                part
            });
            let parts: Vec<Value> = parts.collect();
            json!({"format": 1, "kind": "storage", "collections": parts, "aliases": aliases})
        };
        decode(&storage(&["a", "é b"], json!({"x": "a", "y": "a"}))).unwrap();
        decode(&storage(&[], json!({}))).unwrap();
        let long = "a".repeat(256);
        for bad in [
            storage(&["a", "a"], json!({})),
            storage(&[".."], json!({})),
            storage(&["../a"], json!({})),
            storage(&["a\0"], json!({})),
            storage(&["C:\\a"], json!({})),
            storage(&[""], json!({})),
            storage(&[&long], json!({})),
            storage(&["a"], json!({"x": "b"})),
            storage(&["a"], json!({"a": "a"})),
            storage(&["a"], json!({"../x": "a"})),
        ] {
            assert!(decode(&bad).is_err(), "{bad}");
        }
    }
}
