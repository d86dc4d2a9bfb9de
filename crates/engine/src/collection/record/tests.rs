//! Every change survives the trip through its bytes, and damaged bytes are refused.

use kindred_model::filter::Filter;
use proptest::prelude::*;

use super::*;

fn an_id() -> impl Strategy<Value = PointId> {
    prop_oneof![
        any::<u64>().prop_map(PointId::Num),
        any::<u128>().prop_map(|bits| PointId::Uuid(Uuid::from_u128(bits))),
    ]
}

fn a_vector() -> impl Strategy<Value = Vector> {
    let float = -1e30_f32..1e30;
    prop_oneof![
        prop::collection::vec(float.clone(), 0..6).prop_map(Vector::Dense),
        prop::collection::btree_map(any::<u32>(), float.clone(), 0..6).prop_map(|map| {
            let (indices, values) = map.into_iter().unzip();
            Vector::Sparse(SparseVector::new(indices, values).unwrap())
        }),
        prop::collection::vec(prop::collection::vec(float, 3), 1..4)
            .prop_map(|rows| Vector::Multi(MultiVector::from_rows(&rows).unwrap())),
    ]
}

fn vectors() -> impl Strategy<Value = NamedVectors> {
    prop::collection::btree_map("[a-z]{0,3}", a_vector(), 0..3).prop_map(|map| map.into_iter().collect())
}

fn a_payload() -> impl Strategy<Value = Payload> {
    prop::collection::btree_map("[a-z]{1,3}", any::<i64>(), 0..3)
        .prop_map(|map| Payload::from_json(&serde_json::to_string(&map).unwrap()).unwrap())
}

fn a_path() -> impl Strategy<Value = JsonPath> {
    "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}".prop_map(|text| text.parse().unwrap())
}

fn an_op() -> impl Strategy<Value = UpdateOp> {
    let selector = || prop::collection::vec(an_id(), 0..4).prop_map(Selector::Ids);
    let key = || prop::option::of(a_path());
    prop_oneof![
        prop::collection::vec((an_id(), vectors(), a_payload()), 0..4).prop_map(|points| UpdateOp::Upsert {
            points: points
                .into_iter()
                .map(|(id, vectors, payload)| Point { id, vectors, payload })
                .collect(),
            filter: None,
            mode: UpdateMode::Upsert,
        }),
        selector().prop_map(UpdateOp::Delete),
        prop::collection::vec((an_id(), vectors()), 0..4)
            .prop_map(|points| UpdateOp::UpdateVectors { points, filter: None }),
        (selector(), prop::collection::vec("[a-z]{0,3}", 0..3))
            .prop_map(|(selector, names)| UpdateOp::DeleteVectors { selector, names }),
        (selector(), a_payload(), key()).prop_map(|(selector, payload, key)| UpdateOp::SetPayload {
            selector,
            payload,
            key
        }),
        (selector(), a_payload(), key()).prop_map(|(selector, payload, key)| UpdateOp::OverwritePayload {
            selector,
            payload,
            key
        }),
        (selector(), prop::collection::vec(a_path(), 0..3))
            .prop_map(|(selector, keys)| UpdateOp::DeletePayload { selector, keys }),
        selector().prop_map(UpdateOp::ClearPayload),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(op in an_op()) {
        let bytes = encode(&op).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(op));
    }

    #[test]
    fn a_shorter_or_longer_record_is_malformed(op in an_op(), cut in any::<prop::sample::Index>()) {
        let mut bytes = encode(&op).unwrap();
        prop_assert!(decode(bytes.get(..cut.index(bytes.len())).unwrap()).is_err());
        bytes.push(0);
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        drop(decode(&bytes));
    }
}

#[test]
fn a_count_beyond_the_bytes_allocates_nothing() {
    let mut bytes = vec![VERSION, kind::DELETE];
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(decode(&bytes).is_err());
}

#[test]
fn conditions_have_no_bytes() {
    assert_eq!(
        encode(&UpdateOp::Delete(Selector::Filter(Filter::default()))),
        None
    );
    let upsert = UpdateOp::Upsert {
        points: Vec::new(),
        filter: None,
        mode: UpdateMode::InsertOnly,
    };
    assert_eq!(encode(&upsert), None);
}
