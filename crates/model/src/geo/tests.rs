//! Places and shapes. Distances were computed by another formula: the angle between unit vectors, by atan2.

use serde_json::json;

use super::*;

fn place(lon: f64, lat: f64) -> GeoPoint {
    GeoPoint { lon, lat }
}

#[test]
fn distances() {
    for (a, b, metres) in [
        (
            place(13.4050, 52.5200),
            place(2.3522, 48.8566),
            877_464.537_921_509_4,
        ),
        (
            place(37.6173, 55.7558),
            place(-0.1278, 51.5074),
            2_500_539.474_908_475_8,
        ),
        (place(179.5, 0.0), place(-179.5, 0.0), 111_195.080_233_533_21),
        (place(0.0, 0.0), place(0.0, 0.001), 111.195_080_233_533),
        (place(0.0, 0.0), place(180.0, 0.0), 20_015_114.442_035_925),
        (place(0.0, 90.0), place(0.0, -90.0), 20_015_114.442_035_925),
        (place(10.0, 20.0), place(10.0, 20.0), 0.0),
    ] {
        let (there, back) = (haversine_m(a, b), haversine_m(b, a));
        assert!(
            (there - metres).abs() <= 1e-6 + metres * 1e-12,
            "{a:?} to {b:?}: {there}, not {metres}"
        );
        assert!((there - back).abs() <= metres * 1e-12, "{a:?} and {b:?}");
    }
}

#[test]
fn circles_are_open() {
    let circle = |radius| Circle {
        center: place(0.0, 0.0),
        radius,
    };
    let edge = haversine_m(place(0.0, 0.0), place(1.0, 0.0));
    assert!(!circle(edge).contains(place(1.0, 0.0)));
    assert!(circle(edge + 1e-6).contains(place(1.0, 0.0)));
    assert!(!circle(0.0).contains(place(0.0, 0.0)));
    assert!(!circle(-1.0).contains(place(0.0, 0.0)));
    // The nearest way may cross the antimeridian.
    let fiji = Circle {
        center: place(179.9, -17.0),
        radius: 50_000.0,
    };
    assert!(fiji.contains(place(-179.8, -17.0)));
}

#[test]
fn rectangles() {
    let plain = BoundingBox {
        top_left: place(10.0, 50.0),
        bottom_right: place(20.0, 40.0),
    };
    let crossing = BoundingBox {
        top_left: place(170.0, 10.0),
        bottom_right: place(-170.0, -10.0),
    };
    for (shape, lon, lat, want) in [
        (plain, 15.0, 45.0, true),
        (plain, 10.0, 45.0, false),
        (plain, 20.0, 45.0, false),
        (plain, 15.0, 50.0, false),
        (plain, 15.0, 40.0, false),
        (plain, 5.0, 45.0, false),
        (plain, 15.0, 39.9, false),
        (crossing, 175.0, 0.0, true),
        (crossing, -175.0, 0.0, true),
        (crossing, 180.0, 0.0, true),
        (crossing, -180.0, 9.9, true),
        (crossing, 170.0, 0.0, false),
        (crossing, -170.0, 0.0, false),
        (crossing, 0.0, 0.0, false),
        (crossing, 175.0, 10.0, false),
        (crossing, 175.0, -11.0, false),
    ] {
        assert_eq!(shape.contains(place(lon, lat)), want, "{shape:?} {lon} {lat}");
    }
}

#[test]
fn polygons_with_holes() {
    let ring = |corners: &[(f64, f64)]| {
        corners
            .iter()
            .map(|(lon, lat)| place(*lon, *lat))
            .collect::<Vec<_>>()
    };
    // A U that opens to the north, with a square hole in its left arm.
    let shape = Polygon {
        exterior: ring(&[
            (0.0, 0.0),
            (9.0, 0.0),
            (9.0, 9.0),
            (6.0, 9.0),
            (6.0, 3.0),
            (3.0, 3.0),
            (3.0, 9.0),
            (0.0, 9.0),
            (0.0, 0.0),
        ]),
        interiors: vec![ring(&[
            (1.0, 4.0),
            (2.0, 4.0),
            (2.0, 5.0),
            (1.0, 5.0),
            (1.0, 4.0),
        ])],
    };
    let mut reversed = shape.clone();
    reversed.exterior.reverse();
    for shape in [&shape, &reversed] {
        for (lon, lat, want) in [
            (1.5, 1.0, true),
            (8.0, 8.0, true),
            (0.5, 4.5, true),
            (2.5, 4.5, true),
            // On the height of corners, where a ray passes through them.
            (1.5, 3.0, true),
            (7.0, 3.0, true),
            (1.5, 5.5, true),
            (0.5, 5.0, true),
            // Between the arms, and outside on the height of corners.
            (4.5, 6.0, false),
            (-1.0, 3.0, false),
            (10.0, 3.0, false),
            (-1.0, 0.0, false),
            (-1.0, 9.0, false),
            (-1.0, 5.0, false),
            // In the hole and on edges and corners.
            (1.5, 4.5, false),
            (1.0, 4.5, false),
            (2.0, 5.0, false),
            (4.5, 0.0, false),
            (0.0, 0.0, false),
            (3.0, 6.0, false),
            (4.5, 3.0, false),
        ] {
            assert_eq!(shape.contains(place(lon, lat)), want, "{lon} {lat}");
        }
    }
}

#[test]
fn slanted_edges() {
    let triangle = Polygon {
        exterior: [(0.0, 0.0), (4.0, 4.0), (8.0, 0.0), (0.0, 0.0)]
            .map(|(lon, lat)| place(lon, lat))
            .to_vec(),
        interiors: Vec::new(),
    };
    for (lon, lat, want) in [
        (4.0, 1.0, true),
        (1.0, 0.5, true),
        (0.5, 1.0, false),
        (2.0, 2.0, false),
        (7.5, 1.0, false),
        (4.0, 4.0, false),
    ] {
        assert_eq!(triangle.contains(place(lon, lat)), want, "{lon} {lat}");
    }
}

#[test]
fn reads_payload_values() {
    for (value, want) in [
        (json!({"lon": 1.5, "lat": -2}), Some((1.5, -2.0))),
        (json!({"lat": 0, "lon": 0, "name": "x"}), Some((0.0, 0.0))),
        (json!({"lon": 1.5}), None),
        (json!({"lon": "1.5", "lat": "2"}), None),
        (json!({"lon": true, "lat": 2}), None),
        (json!([1.5, 2]), None),
        (json!("1.5,2"), None),
        (json!(null), None),
    ] {
        assert_eq!(
            GeoPoint::from_value(&value).map(|place| (place.lon, place.lat)),
            want,
            "{value}"
        );
    }
}

#[test]
fn reads_and_writes_requests() {
    let ring = r#"{"points":[{"lon":0.0,"lat":0.0},{"lon":1.0,"lat":0.0},{"lon":0.0,"lat":0.0}]}"#;
    for json in [
        format!(r#"{{"exterior":{ring}}}"#),
        format!(r#"{{"exterior":{ring},"interiors":[{ring}]}}"#),
    ] {
        let shape: Polygon = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&shape).unwrap(), json);
    }
    let shape: BoundingBox = serde_json::from_value(
        json!({"top_left": {"lon": 1, "lat": 2}, "bottom_right": {"lon": 3, "lat": -4}}),
    )
    .unwrap();
    assert_eq!(
        (shape.top_left, shape.bottom_right),
        (place(1.0, 2.0), place(3.0, -4.0))
    );
    assert!(
        serde_json::from_value::<Polygon>(json!({"exterior": {"points": []}, "interiors": null})).is_ok()
    );
    for bad in [
        json!({"lon": 181, "lat": 0}),
        json!({"lon": -180.5, "lat": 0}),
        json!({"lon": 0, "lat": 90.01}),
        json!({"lon": 0, "lat": -91}),
        json!({"lon": 0}),
        json!({"lon": null, "lat": 0}),
        json!([0, 0]),
        json!("0,0"),
    ] {
        assert!(serde_json::from_value::<GeoPoint>(bad.clone()).is_err(), "{bad}");
    }
    let error = serde_json::from_value::<GeoPoint>(json!({"lon": 181, "lat": 0}))
        .unwrap_err()
        .to_string();
    assert!(error.contains("within [-180;180]"), "{error}");
}
