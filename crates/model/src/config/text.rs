//! Settings of a full-text index. They are decoded and answered; the index itself is not built yet.

use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::language::{Language, SnowballLanguage};

/// How texts become tokens, and where the index lives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TextParams {
    /// Where one token ends and the next begins.
    pub tokenizer: Tokenizer,
    /// Characters of the shortest token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_token_len: Option<u64>,
    /// Characters of the longest token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_token_len: Option<u64>,
    /// Ignore case; true when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowercase: Option<bool>,
    /// Ignore accents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ascii_folding: Option<bool>,
    /// Keep positions, so that phrases can be matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase_matching: Option<bool>,
    /// Words that are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopwords: Option<Stopwords>,
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// How words are reduced to their stems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stemmer: Option<Stemmer>,
    /// Build additional graph links for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_hnsw: Option<bool>,
}

/// Where one token ends and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// Words and all their beginnings.
    Prefix,
    /// At white space.
    Whitespace,
    /// At everything that is no letter or digit.
    #[default]
    Word,
    /// By the rules of the text's language.
    Multilingual,
}

/// Words that are left out: those of one language, or a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopwords {
    /// Those of this language.
    Language(Language),
    /// Those of several languages, and further words.
    Set(StopwordsSet),
}

/// Words that are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StopwordsSet {
    /// All words of these languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub languages: Option<BTreeSet<Language>>,
    /// And these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<BTreeSet<String>>,
}

/// How words are reduced to their stems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Stemmer {
    /// By the Snowball rules of a language.
    Snowball {
        /// Whose rules.
        language: SnowballLanguage,
    },
}

impl Serialize for Stopwords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Language(language) => language.serialize(serializer),
            Self::Set(set) => set.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stopwords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopwordsVisitor)
    }
}

struct StopwordsVisitor;

impl<'de> Visitor<'de> for StopwordsVisitor {
    type Value = Stopwords;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a language, or an object with `languages` and `custom`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Language::deserialize(StrDeserializer::new(text)).map(Stopwords::Language)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        StopwordsSet::deserialize(MapAccessDeserializer::new(map)).map(Stopwords::Set)
    }
}

impl JsonSchema for Stopwords {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StopwordsInterface".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let language = generator.subschema_for::<Language>();
        let set = generator.subschema_for::<StopwordsSet>();
        json_schema!({ "anyOf": [language, set] })
    }
}
