//! Places on Earth and the shapes that filters ask about. Degrees everywhere; rectangles and polygons are flat
//! figures in longitude and latitude, circles are measured on the sphere.

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::error::Invalid;
use crate::object::object;

/// Mean radius of the Earth in metres (IUGG), the radius that the wire's distances are measured with.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place. Values from a request lie within |lat| ≤ 90 and |lon| ≤ 180; those from a payload are any finite numbers.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, JsonSchema)]
pub struct GeoPoint {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

/// A rectangle; it crosses the antimeridian when its left edge lies east of its right edge.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, JsonSchema)]
#[schemars(rename = "GeoBoundingBox")]
pub struct BoundingBox {
    /// North-west corner.
    pub top_left: GeoPoint,
    /// South-east corner.
    pub bottom_right: GeoPoint,
}

/// All places nearer to `center` than `radius` metres.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, JsonSchema)]
#[schemars(rename = "GeoRadius")]
pub struct Circle {
    /// The centre.
    pub center: GeoPoint,
    /// Metres.
    pub radius: f64,
}

/// A ring with holes. Checked requests hold closed rings (first point = last) of at least four points.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// The outer ring.
    pub exterior: Vec<GeoPoint>,
    /// The rings of the holes.
    pub interiors: Vec<Vec<GeoPoint>>,
}

/// Length of the shortest way between two places over a sphere, in metres (haversine formula).
pub fn haversine_m(a: GeoPoint, b: GeoPoint) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let half_lat = (lat_b - lat_a) / 2.0;
    let half_lon = (b.lon - a.lon).to_radians() / 2.0;
    let square = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    // Rounding can lift the square of opposite places above one, where the arc sine does not exist.
    2.0 * EARTH_RADIUS_M * square.min(1.0).sqrt().asin()
}

impl GeoPoint {
    /// A place of a request; refuses what is not on Earth.
    pub fn new(lon: f64, lat: f64) -> Result<Self, Invalid> {
        if lat.abs() <= 90.0 && lon.abs() <= 180.0 {
            Ok(Self { lon, lat })
        } else {
            Err(Invalid::input(format!(
                "Wrong format of GeoPoint: expected `lat` = {lat} within [-90;90] and `lon` = {lon} within [-180;180]"
            )))
        }
    }

    /// Reads a payload value: an object whose `lon` and `lat` are numbers; anything else is no place.
    pub fn from_value(value: &Value) -> Option<Self> {
        let coordinate = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_f64)
                .filter(|degrees| degrees.is_finite())
        };
        Some(Self {
            lon: coordinate("lon")?,
            lat: coordinate("lat")?,
        })
    }
}

impl BoundingBox {
    /// Whether `point` lies strictly inside.
    pub fn contains(&self, point: GeoPoint) -> bool {
        let (west, east) = (self.top_left.lon, self.bottom_right.lon);
        let is_between = if west > east {
            point.lon > west || point.lon < east
        } else {
            west < point.lon && point.lon < east
        };
        is_between && self.bottom_right.lat < point.lat && point.lat < self.top_left.lat
    }
}

impl Circle {
    /// Whether `point` is strictly nearer to the centre than the radius.
    pub fn contains(&self, point: GeoPoint) -> bool {
        haversine_m(self.center, point) < self.radius
    }
}

impl Polygon {
    /// Whether `point` lies inside the outer ring and outside every hole; all edges are outside.
    pub fn contains(&self, point: GeoPoint) -> bool {
        side(point, &self.exterior) == Side::Inside
            && self
                .interiors
                .iter()
                .all(|hole| side(point, hole) == Side::Outside)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Inside,
    Edge,
    Outside,
}

/// Casts a ray eastwards and counts the edges that it crosses; an odd count is inside.
fn side(point: GeoPoint, ring: &[GeoPoint]) -> Side {
    let mut side = Side::Outside;
    for (from, to) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (run, rise) = (to.lon - from.lon, to.lat - from.lat);
        let turn = run * (point.lat - from.lat) - rise * (point.lon - from.lon);
        if turn == 0.0 && between(from.lon, point.lon, to.lon) && between(from.lat, point.lat, to.lat) {
            return Side::Edge;
        }
        // One end counts and the other does not, so that a ray through a corner crosses once.
        let is_crossing = (from.lat > point.lat) != (to.lat > point.lat);
        if is_crossing && (turn > 0.0) == (rise > 0.0) {
            side = if side == Side::Inside {
                Side::Outside
            } else {
                Side::Inside
            };
        }
    }
    side
}

fn between(a: f64, middle: f64, b: f64) -> bool {
    a.min(b) <= middle && middle <= a.max(b)
}

impl<'de> Deserialize<'de> for GeoPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            lon: f64,
            lat: f64,
        }
        let Keys { lon, lat } = object(deserializer, "a geo point: an object with `lon` and `lat`")?;
        Self::new(lon, lat).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for BoundingBox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            top_left: GeoPoint,
            bottom_right: GeoPoint,
        }
        let what = "a bounding box: an object with `top_left` and `bottom_right`";
        let Keys {
            top_left,
            bottom_right,
        } = object(deserializer, what)?;
        Ok(Self {
            top_left,
            bottom_right,
        })
    }
}

impl<'de> Deserialize<'de> for Circle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            center: GeoPoint,
            radius: f64,
        }
        let what = "a circle: an object with `center` and `radius` in metres";
        let Keys { center, radius } = object(deserializer, what)?;
        Ok(Self { center, radius })
    }
}

/// A ring as the wire writes it: `{"points": [...]}`.
#[derive(serde::Serialize, JsonSchema)]
#[schemars(rename = "GeoLineString")]
struct Ring<P> {
    points: P,
}

impl<'de> Deserialize<'de> for Ring<Vec<GeoPoint>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            points: Vec<GeoPoint>,
        }
        let Keys { points } = object(deserializer, "a ring: an object with `points`")?;
        Ok(Self { points })
    }
}

impl<'de> Deserialize<'de> for Polygon {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            exterior: Ring<Vec<GeoPoint>>,
            interiors: Option<Vec<Ring<Vec<GeoPoint>>>>,
        }
        let what = "a polygon: an object with `exterior` and perhaps `interiors`";
        let Keys { exterior, interiors } = object(deserializer, what)?;
        let interiors = interiors
            .unwrap_or_default()
            .into_iter()
            .map(|ring| ring.points)
            .collect();
        Ok(Self {
            exterior: exterior.points,
            interiors,
        })
    }
}

impl Serialize for Polygon {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "exterior",
            &Ring {
                points: &self.exterior,
            },
        )?;
        if !self.interiors.is_empty() {
            let holes: Vec<_> = self.interiors.iter().map(|points| Ring { points }).collect();
            map.serialize_entry("interiors", &holes)?;
        }
        map.end()
    }
}

impl JsonSchema for Polygon {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GeoPolygon".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let ring = generator.subschema_for::<Ring<Vec<GeoPoint>>>();
        schemars::json_schema!({
            "type": "object",
            "required": ["exterior"],
            "properties": { "exterior": ring, "interiors": { "type": ["array", "null"], "items": ring } }
        })
    }
}

#[cfg(test)]
mod tests;
