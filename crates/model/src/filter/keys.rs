//! Which parts of a payload a filter looks at, so that whoever reads stored payloads can skip the rest.

use std::collections::BTreeSet;

use super::{Condition, Filter};
use crate::path::{JsonPath, Segment};

impl Filter {
    /// The top-level payload keys that the filter looks at. A payload cut down to them passes exactly when the whole
    /// one does; without any, no payload is needed.
    pub fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        self.add_keys(&mut keys);
        keys
    }

    fn add_keys(&self, keys: &mut BTreeSet<String>) {
        let min_should = self.min_should.iter().flat_map(|clause| &clause.conditions);
        let lists = self.must.iter().chain(&self.should).chain(&self.must_not);
        lists
            .chain(min_should)
            .for_each(|condition| condition.add_keys(keys));
    }
}

impl Condition {
    fn add_keys(&self, keys: &mut BTreeSet<String>) {
        match self {
            Self::Field(field) => add_first(&field.key, keys),
            Self::IsEmpty(key) | Self::IsNull(key) => add_first(key, keys),
            // What its filter names lies below its key.
            Self::Nested(nested) => add_first(&nested.key, keys),
            Self::Filter(filter) => filter.add_keys(keys),
            Self::HasId(_) | Self::HasVector(_) | Self::Slice { .. } => {}
        }
    }
}

fn add_first(path: &JsonPath, keys: &mut BTreeSet<String>) {
    if let Some(Segment::Key(key)) = path.segments().first() {
        keys.insert(key.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, want: &[&str]) {
        let filter: Filter = serde_json::from_str(json).expect("a filter");
        assert_eq!(filter.keys().iter().collect::<Vec<_>>(), want, "{json}");
    }

    #[test]
    fn names_the_first_step_of_every_path() {
        check("{}", &[]);
        check(r#"{"must":[{"has_id":[1]},{"has_vector":"v"}]}"#, &[]);
        check(r#"{"must":[{"key":"a.b","match":{"value":1}}]}"#, &["a"]);
        check(
            r#"{"should":[{"is_empty":{"key":"c[].d"}}],"must_not":[{"is_null":{"key":"\"x.y\".z"}}]}"#,
            &["c", "x.y"],
        );
        check(
            r#"{"must":[{"nested":{"key":"list[]","filter":{"must":[{"key":"inner","match":{"value":1}}]}}}]}"#,
            &["list"],
        );
        check(
            r#"{"min_should":{"conditions":[{"must":[{"key":"deep","match":{"value":true}}]}],"min_count":1}}"#,
            &["deep"],
        );
    }
}
