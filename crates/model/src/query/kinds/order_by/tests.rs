//! Which values a field is listed by, in which order, and where a list starts.

use serde_json::{Value, json};

use super::{Direction, OrderBy, OrderType, StartFrom};
use crate::id::PointId;
use crate::point::OrderValue;

#[track_caller]
fn check(order: Value, of: OrderType, stored: Value, want: Value) {
    let order: OrderBy = serde_json::from_value(order).unwrap();
    let payload = serde_json::from_value(json!({"key": stored})).unwrap();
    let got = serde_json::to_value(order.values(&payload, of)).unwrap();
    assert_eq!(got, want, "{order:?} of {stored}");
}

#[test]
fn values_by_type() {
    use OrderType::{Datetime, Float, Integer, Uuid};
    check(
        json!("key"),
        Integer,
        json!([5, 3, 4.0, "2", null, true, 3]),
        json!([3, 5]),
    );
    check(json!("key"), Integer, json!(u64::MAX), json!([]));
    check(json!("key"), Float, json!([5, 3.5, "2", null]), json!([3.5, 5.0]));
    check(
        json!("key"),
        Datetime,
        json!(["1970-01-01T00:00:01Z", "nonsense", 7]),
        json!([1_000_000]),
    );
    check(json!("other"), Integer, json!(1), json!([]));
    // The first half of a UUID, as an unsigned number, moved down by 2^63.
    let low = "00000000-0000-0001-ffff-ffffffffffff";
    let high = "ffffffff-ffff-ffff-0000-000000000000";
    check(
        json!("key"),
        Uuid,
        json!([high, low, "no"]),
        json!([i64::MIN + 1, i64::MAX]),
    );
}

#[test]
fn direction_and_start() {
    use OrderType::{Datetime, Float, Integer};
    let from =
        |start: Value, direction: &str| json!({"key": "key", "direction": direction, "start_from": start});
    let stored = json!([1, 2, 3, 4]);
    check(
        from(json!(null), "desc"),
        Integer,
        stored.clone(),
        json!([4, 3, 2, 1]),
    );
    check(from(json!(3), "asc"), Integer, stored.clone(), json!([3, 4]));
    check(from(json!(3), "desc"), Integer, stored.clone(), json!([3, 2, 1]));
    check(from(json!(2.5), "asc"), Integer, stored.clone(), json!([3, 4]));
    check(from(json!(2.5), "desc"), Integer, stored.clone(), json!([2, 1]));
    check(
        from(json!(-1e300), "asc"),
        Integer,
        stored.clone(),
        json!([1, 2, 3, 4]),
    );
    check(from(json!(1e300), "asc"), Integer, stored.clone(), json!([]));
    check(
        from(json!(2), "asc"),
        Float,
        json!([1.9, 2.0, 2.1]),
        json!([2.0, 2.1]),
    );
    let times = json!(["2020-01-01", "2021-01-01"]);
    check(
        from(json!("2020-06-01"), "asc"),
        Datetime,
        times.clone(),
        json!([1_609_459_200_000_000_i64]),
    );
    check(
        from(json!(1_600_000_000_000_000_i64), "asc"),
        Datetime,
        times,
        json!([1_609_459_200_000_000_i64]),
    );
}

#[test]
fn whole_numbers_that_floats_cannot_hold() {
    let order = OrderBy {
        key: "key".parse().unwrap(),
        direction: Direction::Asc,
        start_from: Some(StartFrom::Float(9_007_199_254_740_992.0)),
    };
    let payload =
        serde_json::from_value(json!({"key": [9_007_199_254_740_991_i64, 9_007_199_254_740_993_i64]}));
    let values = order.values(&payload.unwrap(), OrderType::Integer);
    assert_eq!(values, [OrderValue::Int(9_007_199_254_740_993)]);
}

#[test]
fn ties_go_by_id_in_the_direction() {
    for (direction, is_first) in [(Direction::Asc, true), (Direction::Desc, false)] {
        let order = OrderBy {
            key: "key".parse().unwrap(),
            direction,
            start_from: None,
        };
        let place = |id| (OrderValue::Int(5), PointId::Num(id));
        assert_eq!(order.compare(place(1), place(2)).is_lt(), is_first);
        let value = |value| (OrderValue::Int(value), PointId::Num(1));
        assert_eq!(order.compare(value(1), value(2)).is_lt(), is_first);
    }
}
