//! The languages that a full-text index knows: for stop words and for stemming.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! languages {
    ($(#[$doc:meta])* $name:ident: $($language:ident)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        #[expect(missing_docs, reason = "each variant is the language it is called")]
        pub enum $name { $($language),* }
    };
}

languages! {
    /// A language with stop words.
    Language:
    Arabic Azerbaijani Basque Bengali Catalan Chinese Danish Dutch English Finnish French German Greek
    Hebrew Hinglish Hungarian Indonesian Italian Japanese Kazakh Nepali Norwegian Portuguese Romanian
    Russian Slovene Spanish Swedish Tajik Turkish
}

languages! {
    /// A language with a Snowball stemmer.
    SnowballLanguage:
    Arabic Armenian Danish Dutch English Finnish French German Greek Hungarian Italian Norwegian
    Portuguese Romanian Russian Spanish Swedish Tamil Turkish
}
