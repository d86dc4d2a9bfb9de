//! Points in time as payloads and filters write them: read leniently, kept as microseconds, printed as RFC 3339.
//! Stored texts and the bounds of a filter are read by the same function, so that they always compare.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{self, Date};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

const EPOCH: civil::DateTime = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// 0000-01-01T00:00:00Z.
const MICROS_MIN: i64 = -62_167_219_200_000_000;
/// 9999-12-31T23:59:59.999999Z.
const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// Microseconds since 1970-01-01T00:00:00Z, within the years 0 to 9999, which have a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

impl DateTime {
    /// Times outside the years 0 to 9999 become the nearest that is inside.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MICROS_MIN, MICROS_MAX))
    }

    /// Microseconds since 1970 UTC, negative before.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads `YYYY-MM-DD`, optionally with `T` or a space and `HH:MM[:SS[.f]]`. After seconds an offset may
    /// follow: `Z`, `±HH`, `±HHMM` or `±HH:MM`; without one the time is UTC. Digits below a microsecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let mut scan = Scan {
            rest: text.trim_start().as_bytes(),
        };
        let year = i16::try_from(scan.number(4)?).ok()?;
        scan.skip(b"-")?;
        let month = scan.two()?;
        scan.skip(b"-")?;
        let date = Date::new(year, month, scan.two()?).ok()?;
        if scan.rest.is_empty() {
            return Self::new(date.at(0, 0, 0, 0), 0, 0);
        }
        scan.skip(b"Tt ")?;
        let hour = scan.two()?;
        scan.skip(b":")?;
        let minute = scan.two()?;
        if scan.rest.is_empty() {
            return Self::new(civil_time(date, hour, minute, 0)?, 0, 0);
        }
        scan.skip(b":")?;
        let second = scan.two()?;
        let micros = scan.fraction()?;
        let offset_s = scan.offset()?;
        Self::new(civil_time(date, hour, minute, second)?, micros, offset_s)
    }

    fn new(local: civil::DateTime, micros: i64, offset_s: i64) -> Option<Self> {
        let seconds = local.duration_since(EPOCH).as_secs().checked_sub(offset_s)?;
        Some(Self::from_micros(
            seconds.checked_mul(1_000_000)?.checked_add(micros)?,
        ))
    }
}

fn civil_time(date: Date, hour: i8, minute: i8, second: i8) -> Option<civil::DateTime> {
    // A leap second is the last second of its minute, as it has no number of its own since 1970.
    let time = civil::Time::new(hour, minute, second.min(59), 0).ok()?;
    (second <= 60).then(|| date.to_datetime(time))
}

/// Reads a text from left to right.
struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    /// Exactly `count` digits.
    fn number(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.iter().try_fold(0u32, |number, byte| {
            let digit = char::from(*byte).to_digit(10)?;
            number.checked_mul(10)?.checked_add(digit)
        })
    }

    fn two(&mut self) -> Option<i8> {
        i8::try_from(self.number(2)?).ok()
    }

    /// One of these bytes.
    fn skip(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        allowed.contains(first).then_some(*first)
    }

    /// An optional point with digits, as microseconds.
    fn fraction(&mut self) -> Option<i64> {
        let Some(rest) = self.rest.strip_prefix(b".") else {
            return Some(0);
        };
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(count)?;
        self.rest = rest;
        let micros = digits.iter().chain([b'0'; 6].iter()).take(6);
        let micros = micros.fold(0, |number, byte| number * 10 + i64::from(*byte - b'0'));
        (count > 0).then_some(micros)
    }

    /// Everything that is left must be an offset from UTC, in seconds; nothing is none.
    fn offset(&mut self) -> Option<i64> {
        self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
        if matches!(self.rest, b"" | b"Z" | b"z" | b"UTC") {
            return Some(0);
        }
        let sign = if self.skip(b"+-")? == b'-' { -1 } else { 1 };
        let hours = i64::from(self.number(2)?);
        self.rest = self.rest.strip_prefix(b":").unwrap_or(self.rest);
        let minutes = if self.rest.is_empty() {
            0
        } else {
            i64::from(self.number(2)?)
        };
        let is_offset = self.rest.is_empty() && hours < 24 && minutes < 60;
        is_offset.then_some(sign * (hours * 3600 + minutes * 60))
    }
}

impl fmt::Display for DateTime {
    /// RFC 3339 in UTC, with as many digits as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The range of the type lies inside that of civil times.
        let time = EPOCH.saturating_add(SignedDuration::from_micros(self.0));
        write!(f, "{time}Z")
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(not_a_time(&text)))
    }
}

/// Why a text is no point in time.
pub(crate) fn not_a_time(text: &str) -> String {
    format!("'{text}' does not match accepted datetime format (RFC3339). Example: 2014-01-01T00:00:00Z")
}

impl schemars::JsonSchema for DateTime {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests;
