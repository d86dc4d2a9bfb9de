//! Texts and microseconds; the numbers come from another calendar implementation.

use super::*;

fn check(text: &str, want: Option<i64>) {
    assert_eq!(DateTime::parse(text).map(DateTime::micros), want, "{text}");
}

#[test]
fn reads_every_form() {
    let minute = 1_623_580_200_000_000;
    let second = 1_623_580_201_000_000;
    for (text, want) in [
        ("1970-01-01", 0),
        ("2024-02-29", 1_709_164_800_000_000),
        ("2021-06-13T10:30", minute),
        ("2021-06-13 10:30", minute),
        ("2021-06-13T10:30:01", second),
        ("2021-06-13 10:30:01", second),
        ("2021-06-13T10:30:01Z", second),
        ("2021-06-13t10:30:01z", second),
        ("2021-06-13 10:30:01 UTC", second),
        (" 2021-06-13 10:30:01", second),
        ("2021-06-13T10:30:01.5", second + 500_000),
        ("2021-06-13T10:30:01.123456Z", second + 123_456),
        // Cut, not rounded.
        ("2021-06-13T10:30:01.123456999Z", second + 123_456),
        ("2021-06-13T10:30:01.0000009999999999", second),
        ("2021-06-13T12:30:01+02:00", second),
        ("2021-06-13T12:30:01+0200", second),
        ("2021-06-13T12:30:01+02", second),
        ("2021-06-13 12:30:01 +02:00", second),
        ("2021-06-13 05:00:01.5-0530", second + 500_000),
        ("2021-06-14T00:30:01+14:00", second),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("0001-01-01", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000_000),
    ] {
        check(text, Some(want));
    }
}

#[test]
fn refuses_everything_else() {
    for text in [
        "",
        "2021",
        "2021-06",
        "21-06-13",
        "2021-6-13",
        "2021/06/13",
        "20210613",
        "2021-02-29",
        "2021-13-01",
        "2021-06-13T",
        "2021-06-13T10",
        "2021-06-13T10:3",
        "2021-06-13T24:00",
        "2021-06-13T10:60",
        "2021-06-13T10:30:61",
        "2021-06-13T10:30:01.",
        "2021-06-13T10:30:01,5",
        "2021-06-13T10:30:01+",
        "2021-06-13T10:30:01+2",
        "2021-06-13T10:30:01+02:0",
        "2021-06-13T10:30:01+24:00",
        "2021-06-13T10:30:01+02:60",
        "2021-06-13T10:30:01+02:00x",
        "2021-06-13T10:30Z",
        "2021-06-13T10:30:01Zx",
        "2021-06-13_10:30:01",
        "-021-06-13",
        "+2021-06-13",
        "2021-06-13T10:30:01[Europe/Berlin]",
        "yesterday",
        "２021-06-13",
    ] {
        check(text, None);
    }
}

#[test]
fn prints_what_it_reads() {
    for (micros, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_623_580_201_500_000, "2021-06-13T10:30:01.5Z"),
        (i64::MIN, "0000-01-01T00:00:00Z"),
        (i64::MAX, "9999-12-31T23:59:59.999999Z"),
    ] {
        let time = DateTime::from_micros(micros);
        assert_eq!(time.to_string(), text);
        check(text, Some(time.micros()));
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<DateTime>(&json).unwrap(), time);
    }
    let error = serde_json::from_str::<DateTime>("\"soon\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("'soon'"), "{error}");
}

proptest::proptest! {
    #[test]
    fn every_time_has_its_own_text(micros in MICROS_MIN..=MICROS_MAX) {
        let time = DateTime::from_micros(micros);
        proptest::prop_assert_eq!(time.micros(), micros);
        proptest::prop_assert_eq!(DateTime::parse(&time.to_string()), Some(time));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9T:.Z+ ]{0,30}|.{0,12}") {
        if let Some(time) = DateTime::parse(&text) {
            proptest::prop_assert_eq!(DateTime::parse(&time.to_string()), Some(time));
        }
    }
}
