//! Every operator of a formula, by hand or by numbers worked out in double precision, and every refusal.

use serde_json::{Value, json};

use super::{Expression, Formula, Variable};
use crate::error::Invalid;
use crate::filter::PointView;
use crate::id::PointId;
use crate::payload::Payload;

fn payload() -> Payload {
    serde_json::from_value(json!({
        "n": 4, "half": 0.5, "zero": 0, "big": 1e300, "one": [7], "two": [7, 8], "none": [], "null": null,
        "text": "5", "flag": true, "nested": {"n": 3}, "time": "2024-02-29T12:30:00.25Z",
        "berlin": {"lon": 13.405, "lat": 52.52}, "berlins": [{"lon": 13.405, "lat": 52.52}],
    }))
    .unwrap()
}

/// Evaluates over the payload above, for a point of id 1 whose second prefetch did not find it.
fn evaluate(expression: Value, defaults: Value) -> Result<f32, Invalid> {
    let formula = Formula {
        expression: serde_json::from_value(expression).unwrap(),
        defaults: serde_json::from_value(defaults).unwrap(),
    };
    let payload = payload();
    let point = PointView {
        id: PointId::Num(1),
        payload: &payload,
        has_vector: &|name| name == "there",
    };
    formula.evaluate(&[Some(0.9), None, Some(-2.5)], &point)
}

#[track_caller]
fn check(expression: Value, want: f64) {
    check_with(expression, json!({}), want);
}

#[track_caller]
fn check_with(expression: Value, defaults: Value, want: f64) {
    let got = f64::from(evaluate(expression.clone(), defaults).unwrap());
    let tolerance = 1e-7 * want.abs().max(f64::MIN_POSITIVE);
    assert!(
        (got - want).abs() <= tolerance,
        "{expression}: {got} is not {want}"
    );
}

#[track_caller]
fn refuse(expression: Value, defaults: Value, want: &str) {
    assert_eq!(evaluate(expression, defaults), Err(Invalid::input(want)));
}

#[test]
fn constants_are_single_precision() {
    check(json!(3), 3.0);
    check(json!(-0.25), -0.25);
    // 0.1 as f32, times 1e8, less 1e7 as f32: what is left of the rounding shows in double precision.
    check(json!({"sum": [{"mult": [0.1, 1e8]}, -1e7]}), 0.149_011_612);
}

#[test]
fn variables() {
    check(json!("$score"), f64::from(0.9_f32));
    check(json!("$score[0]"), f64::from(0.9_f32));
    check(json!("$score[2]"), -2.5);
    check(json!("$score[1]"), 0.0);
    check(json!("$score[99]"), 0.0);
    check_with(json!("$score[1]"), json!({"$score[1]": 0.25}), 0.25);
    check_with(json!("$score[0]"), json!({"$score": 7}), f64::from(0.9_f32));
    check(json!("n"), 4.0);
    check(json!("nested.n"), 3.0);
    check(json!("one"), 7.0);
    check(json!("two[1]"), 8.0);
    check_with(json!("absent"), json!({"absent": 12.5}), 12.5);
    check_with(json!("none"), json!({"none": 12.5}), 12.5);
    check_with(json!("n"), json!({"n": 12.5}), 4.0);
}

#[test]
fn variables_without_a_number() {
    let prefix = |path: &str| {
        format!("Expected number value for {path} in the payload and/or in the formula defaults. Error: ")
    };
    let missing = "No value found in a payload nor defaults";
    refuse(json!("absent"), json!({}), &(prefix("absent") + missing));
    refuse(json!("none"), json!({}), &(prefix("none") + missing));
    for path in ["text", "flag", "null", "two", "nested", "berlin"] {
        refuse(
            json!(path),
            json!({path: 1}),
            &(prefix(path) + "Value is not a number"),
        );
    }
    refuse(
        json!("absent"),
        json!({"absent": "1"}),
        &(prefix("absent") + "Value is not a number"),
    );
    refuse(
        json!("$score[1]"),
        json!({"$score[1]": null}),
        &(prefix("$score[1]") + "Value is not a number"),
    );
}

#[test]
fn names_that_are_no_variables() {
    for name in [
        "$",
        "$scores",
        "$score[",
        "$score[]",
        "$score[-1]",
        "$score[+1]",
        "$score[1",
        "$other",
    ] {
        let want = Err(Invalid::input(format!("failed to parse variable ID {name}")));
        assert_eq!(name.parse::<Variable>(), want);
        let error = serde_json::from_value::<Expression>(json!({"sum": [1, {"neg": name}]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("sum: [1]: neg: failed to parse variable ID {name}")
        );
    }
}

#[test]
fn conditions_are_one_or_zero() {
    check(json!({"key": "n", "match": {"value": 4}}), 1.0);
    check(json!({"key": "n", "range": {"gt": 4}}), 0.0);
    check(json!({"has_id": [1, 2]}), 1.0);
    check(json!({"has_id": [2]}), 0.0);
    check(json!({"has_vector": "there"}), 1.0);
    check(json!({"is_empty": {"key": "none"}}), 1.0);
    check(
        json!({"must_not": [{"key": "flag", "match": {"value": true}}]}),
        0.0,
    );
    check(
        json!({"mult": [2.5, {"key": "text", "match": {"any": ["5"]}}]}),
        2.5,
    );
}

#[test]
fn sums_and_products() {
    check(json!({"sum": []}), 0.0);
    check(json!({"mult": []}), 1.0);
    check(json!({"sum": ["n", "half", -1]}), 3.5);
    check(json!({"mult": ["n", "half", -1]}), -2.0);
    // Nothing after the first zero is looked at; everything before it is.
    check(json!({"mult": ["n", "zero", "absent", {"ln": -1}]}), 0.0);
    assert!(evaluate(json!({"mult": ["absent", "zero"]}), json!({})).is_err());
}

#[test]
fn quotients() {
    let div = |left: Value, right: Value| json!({"div": {"left": left, "right": right}});
    check(div(json!("n"), json!("half")), 8.0);
    check(div(json!("zero"), json!("absent")), 0.0);
    check(div(json!("zero"), json!("zero")), 0.0);
    refuse(
        div(json!("n"), json!("zero")),
        json!({}),
        "The expression 4/0 produced a non-finite number",
    );
    check(
        json!({"div": {"left": "n", "right": "zero", "by_zero_default": -0.5}}),
        -0.5,
    );
    check(
        json!({"div": {"left": "n", "right": "half", "by_zero_default": -0.5}}),
        8.0,
    );
    // 1e300 / 1e-38: too large even in double precision.
    let tiny = json!({"mult": [1e-38, 1e-38]});
    assert!(evaluate(div(json!("big"), tiny), json!({})).is_err());
}

#[test]
fn functions() {
    check(json!({"neg": "n"}), -4.0);
    check(json!({"abs": "$score[2]"}), 2.5);
    check(json!({"sqrt": 2}), std::f64::consts::SQRT_2);
    check(json!({"exp": 1.5}), 4.481_689_070_338_065);
    check(json!({"ln": 3}), 1.098_612_288_668_109_8);
    check(json!({"log10": 250}), 2.397_940_008_672_037_5);
    check(
        json!({"pow": {"base": 2, "exponent": 0.5}}),
        std::f64::consts::SQRT_2,
    );
    check(json!({"pow": {"base": -2, "exponent": 3}}), -8.0);
    for (expression, name) in [
        (json!({"sqrt": -1}), "√-1"),
        (json!({"ln": 0}), "ln(0)"),
        (json!({"log10": -3}), "log10(-3)"),
        (json!({"exp": 1000}), "exp(1000)"),
        (json!({"pow": {"base": -2, "exponent": 0.5}}), "-2^0.5"),
        (json!({"pow": {"base": 0, "exponent": -1}}), "0^-1"),
        (json!({"neg": {"exp": {"neg": -750}}}), "exp(750)"),
    ] {
        refuse(
            expression,
            json!({}),
            &format!("The expression {name} produced a non-finite number"),
        );
    }
}

/// Finite in double precision is not enough: the score is single precision.
#[test]
fn scores_that_overflow() {
    refuse(
        json!("big"),
        json!({}),
        "The expression \"big\" produced a non-finite number",
    );
    refuse(
        json!({"mult": ["big", "big"]}),
        json!({}),
        "The expression {\"mult\":[\"big\",\"big\"]} produced a non-finite number",
    );
    check(json!({"div": {"left": "big", "right": "big"}}), 1.0);
    let long = evaluate(json!({"sum": vec!["big"; 1000]}), json!({}))
        .unwrap_err()
        .to_string();
    assert!(long.contains("…") && long.chars().count() < 300, "{long}");
}

/// Haversine over a sphere of 6371008.8 m.
#[test]
fn geo_distance() {
    let to = |path: &str| json!({"geo_distance": {"origin": {"lon": 2.3522, "lat": 48.8566}, "to": path}});
    check(to("berlin"), 877_464.537_921_509_4);
    check(to("berlins"), 877_464.537_921_509_4);
    check_with(
        to("absent"),
        json!({"absent": {"lon": -0.1276, "lat": 51.5072}}),
        343_530.339_998_571_7,
    );
    let prefix = "in the payload and/or in the formula defaults. Error: ";
    let missing = "No value found in a payload nor defaults";
    refuse(
        to("absent"),
        json!({}),
        &format!("Expected geo point value for absent {prefix}{missing}"),
    );
    refuse(
        to("n"),
        json!({}),
        &format!("Expected geo point value for n {prefix}Value is not a geo point"),
    );
}

#[test]
fn times_are_seconds() {
    // As a single precision score a time is coarse; differences of times are exact before that.
    let day = json!({"sum": [{"datetime_key": "time"}, {"neg": {"datetime": "2024-02-29"}}]});
    check(day, 45_000.25);
    check(json!({"datetime": "1970-01-01T00:00:01.5Z"}), 1.5);
    check_with(
        json!({"datetime_key": "absent"}),
        json!({"absent": "1970-01-01T01:00:00+00:30"}),
        1800.0,
    );
    let text = |path: &str, why: &str| {
        format!(
            "Expected datetime value for {path} in the payload and/or in the formula defaults. Error: {why}"
        )
    };
    refuse(
        json!({"datetime_key": "n"}),
        json!({}),
        &text("n", "Value is not a string"),
    );
    refuse(
        json!({"datetime_key": "text"}),
        json!({}),
        &text("text", "Value is not a datetime"),
    );
    let missing = "No value found in a payload nor defaults";
    refuse(
        json!({"datetime_key": "absent"}),
        json!({}),
        &text("absent", missing),
    );
}

#[test]
fn decays() {
    let check_all = |parameters: Value, wants: [f64; 3]| {
        for (shape, want) in ["lin_decay", "exp_decay", "gauss_decay"].into_iter().zip(wants) {
            check(json!({shape: parameters}), want);
        }
    };
    check_all(json!({"x": 0}), [1.0; 3]);
    check_all(json!({"x": -1}), [0.5; 3]);
    check_all(
        json!({"x": 1.5}),
        [0.25, 0.353_553_390_593_273_8, 0.210_224_103_813_428_68],
    );
    check_all(
        json!({"x": "n", "target": null}),
        [0.0, 0.0625, 1.525_878_906_25e-5],
    );
    let far = |x: f64| json!({"x": x, "target": "n", "scale": 4.0, "midpoint": 0.25});
    check_all(far(4.0), [1.0; 3]);
    check_all(
        far(5.5),
        [0.71875, 0.594_603_557_501_360_5, 0.822_877_739_076_982_5],
    );
    check_all(far(0.0), [0.25; 3]);
    check_all(far(24.0), [0.0, 0.000_976_562_5, 8.881_784_197_001_244e-16]);
}

#[test]
fn decays_without_a_shape() {
    for (expression, want) in [
        (
            json!({"lin_decay": {"x": 1, "scale": 0}}),
            "Decay scale should be non-zero positive, got 0.",
        ),
        (
            json!({"exp_decay": {"x": 1, "scale": -1.5}}),
            "Decay scale should be non-zero positive, got -1.5.",
        ),
        (
            json!({"exp_decay": {"x": 1, "midpoint": 1}}),
            "Decay midpoint should be in the range (0.0, 1.0), got 1.",
        ),
        (
            json!({"gauss_decay": {"x": 1, "midpoint": 0}}),
            "Decay midpoint should be in the range (0.0, 1.0), got 0.",
        ),
        (
            json!({"sum": [{"lin_decay": {"x": 1, "midpoint": 1.5}}]}),
            "Linear decay midpoint should be in the range [0.0, 1.0], got 1.5.",
        ),
    ] {
        let formula = Formula {
            expression: serde_json::from_value(expression).unwrap(),
            defaults: Default::default(),
        };
        assert_eq!(formula.check(), Err(Invalid::input(want)));
    }
    for fine in [
        json!({"lin_decay": {"x": 1, "midpoint": 0}}),
        json!({"lin_decay": {"x": 1, "midpoint": 1}}),
    ] {
        let formula = Formula {
            expression: serde_json::from_value(fine).unwrap(),
            defaults: Default::default(),
        };
        assert_eq!(formula.check(), Ok(()));
    }
}

/// The shape that learned rerankers export: a logistic function of weighted features. The first golden row of the
/// fit on ten rows: score 0.9, one other feature of 1.
#[test]
fn logistic_regression() {
    let weighted = json!([-0.93716, {"mult": [0.785725, "$score"]}, {"mult": [0.572349, {"key": "flag", "match": {"value": true}}]}]);
    let exp = json!({"exp": {"neg": {"sum": weighted}}});
    check(
        json!({"div": {"left": 1, "right": {"sum": [1, exp]}}}),
        0.584_759_183_048_320_9,
    );
}

#[test]
fn malformed_expressions() {
    for (expression, want) in [
        (json!(null), "`null` is not an expression"),
        (json!(true), "`true` is not an expression"),
        (json!({"sum": 1}), "sum: `1` is not a list of expressions"),
        (json!({"div": {"left": 1}}), "div: missing field `right`"),
        (json!({"div": [1, 2]}), "div: `[1,2]` is not an object"),
        (
            json!({"pow": {"base": {"abs": []}, "exponent": 1}}),
            "pow: base: abs: `[]` is not an expression",
        ),
        (json!({"exp_decay": {"scale": 1}}), "exp_decay: missing field `x`"),
        (json!({"datetime": "soon"}), "datetime: "),
        (
            json!({"geo_distance": {"origin": {"lon": 1, "lat": 2}}}),
            "geo_distance: missing field `to`",
        ),
        (
            json!({"geo_distance": {"origin": {"lon": 1, "lat": 200}, "to": "a"}}),
            "geo_distance: ",
        ),
        (
            json!({"sum": [1e39]}),
            "sum: [0]: number out of range of a 32-bit float",
        ),
        (json!({"unknown": 1}), ""),
    ] {
        let error = serde_json::from_value::<Expression>(expression.clone())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(want), "{expression}: {error}");
    }
}

#[test]
fn which_formulas_need_a_payload() {
    for (expression, want) in [
        (
            json!({"sum": [1, "$score[3]", {"datetime": "2024-01-01"}]}),
            false,
        ),
        (json!({"sum": [1, {"neg": {"mult": [2, "price"]}}]}), true),
        (
            json!({"exp_decay": {"x": 1, "target": {"datetime_key": "time"}}}),
            true,
        ),
        (json!({"mult": [{"has_id": [1]}]}), true),
    ] {
        let formula = Formula {
            expression: serde_json::from_value(expression).unwrap(),
            defaults: Default::default(),
        };
        assert_eq!(formula.needs_payload(), want);
    }
}

#[test]
fn nesting_is_limited() {
    let mut expression = Expression::Constant(1.0);
    for _ in 0..127 {
        expression = Expression::Sum(vec![expression]);
    }
    let mut formula = Formula {
        expression,
        defaults: Default::default(),
    };
    assert_eq!(formula.check(), Ok(()));
    formula.expression = Expression::Sum(vec![formula.expression]);
    assert_eq!(
        formula.check(),
        Err(Invalid::input("formula is nested deeper than 128 levels"))
    );
}
