//! What is generated is what a user may send: it passes the validators and survives the wire.

use kindred_model::error::Check;
use kindred_model::query::request::QueryRequest;
use kindred_testkit::strategies::{Grain, filter, query_request, world};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queries_are_valid_and_survive_json(
        request in world(Grain::Fine).prop_flat_map(|world| query_request(&world)),
    ) {
        Check::all("internal", &request).unwrap();
        let text = serde_json::to_string(&request).unwrap();
        let again: QueryRequest = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again, request, "{}", text);
    }

    #[test]
    fn filters_are_valid(filter in filter()) {
        Check::all("filter", &filter).unwrap();
    }
}
