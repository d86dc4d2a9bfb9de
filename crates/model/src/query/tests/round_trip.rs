//! Any request that is written as JSON reads back as the same request.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::datetime::DateTime;
use crate::filter::{Condition, Filter};
use crate::geo::GeoPoint;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::query::example::Example;
use crate::query::groups::{GroupsRequest, WithLookup};
use crate::query::kinds::Query;
use crate::query::kinds::context::{Context, Pair};
use crate::query::kinds::discover::Discover;
use crate::query::kinds::feedback::{Feedback, FeedbackItem, FeedbackStrategy};
use crate::query::kinds::nearest::Nearest;
use crate::query::kinds::order_by::{Direction, OrderBy, StartFrom};
use crate::query::kinds::recommend::{Recommend, Strategy as Combine};
use crate::query::lists::{CountRequest, FacetRequest, MatrixRequest, RetrieveRequest, ScrollRequest};
use crate::query::request::{
    AcornParams, LookupFrom, PayloadSelector, QuantizationParams, QueryNode, QueryRequest, SearchParams,
    VectorSelector,
};
use crate::query::rerank::formula::{Decay, DecayShape, Defaults, Expression, Formula, Unary, Variable};
use crate::query::rerank::fusion::Fusion;
use crate::query::rerank::mmr::Mmr;
use crate::vector::input::{Inference, InferenceSource, VectorInput};

fn float() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO
}

fn double() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

fn id() -> impl Strategy<Value = PointId> {
    prop_oneof![
        any::<u64>().prop_map(PointId::Num),
        any::<u128>().prop_map(|bits| Uuid::from_u128(bits).into())
    ]
}

fn path() -> impl Strategy<Value = JsonPath> {
    vec(r#"[a-z_]{1,5}(\[[0-9]?\])?|"[a-z. ]{1,5}""#, 1..4).prop_map(|parts| parts.join(".").parse().unwrap())
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        double().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        (double(), double()).prop_map(|(lon, lat)| json!({"lon": lon, "lat": lat})),
    ]
}

fn vector() -> impl Strategy<Value = VectorInput> {
    let pairs = btree_map(any::<u32>(), float(), 0..5);
    let source = prop_oneof![
        ".{0,5}".prop_map(InferenceSource::Text),
        "[a-z]{0,5}".prop_map(|url| InferenceSource::Image(json!(url))),
        any::<u64>().prop_map(|number| InferenceSource::Object(json!({"number": number}))),
    ];
    let options = option::of("[a-z]{1,3}".prop_map(|key| json!({key: 1})));
    prop_oneof![
        4 => vec(float(), 0..5).prop_map(VectorInput::Dense),
        2 => pairs.prop_map(|pairs: BTreeMap<u32, f32>| {
            let (indices, values) = pairs.into_iter().unzip();
            VectorInput::Sparse { indices, values }
        }),
        2 => vec(vec(float(), 1..4), 1..4).prop_map(VectorInput::Multi),
        1 => (source, "[a-z/]{1,5}", options)
            .prop_map(|(source, model, options)| VectorInput::Inference(Inference { source, model, options })),
    ]
}

fn example() -> impl Strategy<Value = Example> {
    prop_oneof![id().prop_map(Example::Id), vector().prop_map(Example::Vector)]
}

fn pair() -> impl Strategy<Value = Pair> {
    (example(), example()).prop_map(|(positive, negative)| Pair { positive, negative })
}

fn filter() -> impl Strategy<Value = Filter> {
    let condition = || {
        prop_oneof![
            vec(id(), 1..3).prop_map(|ids| Condition::HasId(ids.into_iter().collect())),
            path().prop_map(Condition::IsEmpty),
            "[a-z]{0,3}".prop_map(Condition::HasVector),
        ]
    };
    let lists = (
        vec(condition(), 0..3),
        vec(condition(), 0..3),
        vec(condition(), 0..3),
    );
    lists.prop_map(|(must, should, must_not)| Filter {
        must,
        should,
        must_not,
        min_should: None,
    })
}

fn order_by() -> impl Strategy<Value = OrderBy> {
    let start = prop_oneof![
        any::<i64>().prop_map(StartFrom::Integer),
        double().prop_map(StartFrom::Float),
        (0..1_i64 << 55).prop_map(|micros| StartFrom::Datetime(DateTime::from_micros(micros))),
    ];
    let direction = prop_oneof![Just(Direction::Asc), Just(Direction::Desc)];
    let parts = (path(), direction, option::of(start));
    parts.prop_map(|(key, direction, start_from)| OrderBy {
        key,
        direction,
        start_from,
    })
}

fn leaf_expression() -> impl Strategy<Value = Expression> {
    prop_oneof![
        float().prop_map(Expression::Constant),
        (0..5_usize).prop_map(|index| Expression::Variable(Variable::Score(index))),
        path().prop_map(|path| Expression::Variable(Variable::Payload(path))),
        id().prop_map(|id| Expression::Condition(Box::new(Condition::HasId([id].into())))),
        (-90.0..90.0, -180.0..180.0, path()).prop_map(|(lat, lon, to)| Expression::GeoDistance {
            origin: GeoPoint { lon, lat },
            to
        }),
        (0..1_i64 << 55).prop_map(|micros| Expression::Datetime(DateTime::from_micros(micros))),
        path().prop_map(Expression::DatetimeKey),
    ]
}

fn unary() -> impl Strategy<Value = Unary> {
    prop::sample::select(vec![
        Unary::Neg,
        Unary::Abs,
        Unary::Sqrt,
        Unary::Exp,
        Unary::Ln,
        Unary::Log10,
    ])
}

fn expression() -> impl Strategy<Value = Expression> {
    leaf_expression().prop_recursive(4, 16, 3, |inner| {
        let shapes = vec![DecayShape::Linear, DecayShape::Exponential, DecayShape::Gauss];
        let decay = (
            prop::sample::select(shapes),
            inner.clone(),
            option::of(inner.clone()),
            option::of(float()),
            option::of(float()),
        );
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Expression::Sum),
            vec(inner.clone(), 0..3).prop_map(Expression::Mult),
            (inner.clone(), inner.clone(), option::of(float())).prop_map(|(left, right, by_zero_default)| {
                Expression::Div {
                    left: Box::new(left),
                    right: Box::new(right),
                    by_zero_default,
                }
            }),
            (inner.clone(), inner.clone()).prop_map(|(base, exponent)| Expression::Pow {
                base: Box::new(base),
                exponent: Box::new(exponent)
            }),
            (unary(), inner).prop_map(|(function, operand)| Expression::Unary(function, Box::new(operand))),
            decay.prop_map(|(shape, x, target, scale, midpoint)| {
                Expression::Decay(Box::new(Decay {
                    shape,
                    x,
                    target,
                    scale,
                    midpoint,
                }))
            }),
        ]
    })
}

fn formula() -> impl Strategy<Value = Formula> {
    let scores = btree_map(0..5_usize, double().prop_map(Value::from), 0..3);
    let parts = (expression(), scores, btree_map(path(), json_value(), 0..3));
    parts.prop_map(|(expression, scores, payload)| Formula {
        expression,
        defaults: Defaults { scores, payload },
    })
}

fn feedback() -> impl Strategy<Value = Feedback> {
    let item = (example(), float()).prop_map(|(example, score)| FeedbackItem { example, score });
    let strategy = (float(), float(), float()).prop_map(|(a, b, c)| FeedbackStrategy::Naive { a, b, c });
    (example(), vec(item, 0..4), strategy).prop_map(|(target, items, strategy)| Feedback {
        target,
        items,
        strategy,
    })
}

fn query() -> impl Strategy<Value = Query> {
    let mmr = (option::of(float()), option::of(any::<u64>())).prop_map(|(diversity, candidates_limit)| Mmr {
        diversity,
        candidates_limit,
    });
    let strategies = vec![Combine::AverageVector, Combine::BestScore, Combine::SumScores];
    let recommend = (
        vec(example(), 0..3),
        vec(example(), 0..3),
        prop::sample::select(strategies),
    )
        .prop_map(|(positive, negative, strategy)| Recommend {
            positive,
            negative,
            strategy,
        });
    let rrf =
        (any::<u64>(), option::of(vec(float(), 0..3))).prop_map(|(k, weights)| Fusion::Rrf { k, weights });
    prop_oneof![
        (example(), option::of(mmr)).prop_map(|(example, mmr)| Query::Nearest(Nearest { example, mmr })),
        recommend.prop_map(Query::Recommend),
        (example(), vec(pair(), 0..3))
            .prop_map(|(target, context)| Query::Discover(Discover { target, context })),
        vec(pair(), 0..3).prop_map(|pairs| Query::Context(Context { pairs })),
        feedback().prop_map(Query::Feedback),
        order_by().prop_map(Query::OrderBy),
        Just(Query::Sample),
        rrf.prop_map(Query::Fusion),
        Just(Query::Fusion(Fusion::Dbsf)),
        formula().prop_map(Query::Formula),
    ]
}

fn params() -> impl Strategy<Value = SearchParams> {
    let quantization = (any::<bool>(), any::<Option<bool>>(), option::of(double())).prop_map(
        |(ignore, rescore, oversampling)| QuantizationParams {
            ignore,
            rescore,
            oversampling,
        },
    );
    let acorn = (any::<bool>(), option::of(double())).prop_map(|(enable, max_selectivity)| AcornParams {
        enable,
        max_selectivity,
    });
    (
        any::<Option<u64>>(),
        any::<bool>(),
        option::of(quantization),
        any::<bool>(),
        option::of(acorn),
    )
        .prop_map(
            |(hnsw_ef, exact, quantization, indexed_only, acorn)| SearchParams {
                hnsw_ef,
                exact,
                quantization,
                indexed_only,
                acorn,
            },
        )
}

fn leaf() -> impl Strategy<Value = QueryNode> {
    let lookup = ("[a-z]{1,5}", option::of("[a-z]{0,5}"))
        .prop_map(|(collection, vector)| LookupFrom { collection, vector });
    let asked = (
        option::of(query()),
        option::of("[a-z]{0,5}"),
        option::of(filter()),
    );
    let how = (params(), option::of(float()), any::<u64>(), option::of(lookup));
    (asked, how).prop_map(
        |((query, using, filter), (params, score_threshold, limit, lookup_from))| QueryNode {
            prefetch: Vec::new(),
            query,
            using,
            filter,
            params,
            score_threshold,
            limit,
            lookup_from,
        },
    )
}

fn node() -> impl Strategy<Value = QueryNode> {
    leaf().prop_recursive(3, 8, 2, |inner| {
        (leaf(), vec(inner, 1..3)).prop_map(|(node, prefetch)| QueryNode { prefetch, ..node })
    })
}

fn vectors() -> impl Strategy<Value = VectorSelector> {
    prop_oneof![
        any::<bool>().prop_map(VectorSelector::All),
        vec("[a-z]{0,5}", 0..3).prop_map(VectorSelector::Names)
    ]
}

fn payload() -> impl Strategy<Value = PayloadSelector> {
    prop_oneof![
        any::<bool>().prop_map(PayloadSelector::All),
        vec(path(), 0..3).prop_map(PayloadSelector::Include),
        vec(path(), 0..3).prop_map(PayloadSelector::Exclude),
    ]
}

fn request() -> impl Strategy<Value = QueryRequest> {
    (node(), any::<u64>(), vectors(), payload()).prop_map(|(node, offset, with_vector, with_payload)| {
        QueryRequest {
            node,
            offset,
            with_vector,
            with_payload,
        }
    })
}

fn check<T>(written: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(written).unwrap();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(&read, written, "{text}");
    let value = serde_json::to_value(written).unwrap();
    assert_eq!(&serde_json::from_value::<T>(value).unwrap(), written);
}

proptest! {
    #[test]
    fn query_requests(request in request()) {
        check(&request);
    }

    #[test]
    fn groups_requests(
        mut query in request(),
        group_by in path(),
        group_size: u64,
        lookup in option::of(("[a-z]{1,5}", payload(), vectors())),
    ) {
        query.offset = 0;
        let with_lookup = lookup.map(|(collection, with_payload, with_vectors)| {
            WithLookup { collection, with_payload, with_vectors }
        });
        check(&GroupsRequest { query, group_by, group_size, with_lookup });
    }

    #[test]
    fn lists(
        ids in vec(id(), 0..3),
        (limit, sample, exact) in any::<(u64, u64, bool)>(),
        filter in option::of(filter()),
        (with_payload, with_vector) in (payload(), vectors()),
        (key, order_by) in (path(), option::of(order_by())),
        using in option::of("[a-z]{0,5}"),
    ) {
        let offset = ids.first().copied();
        check(&RetrieveRequest { ids, with_payload: with_payload.clone(), with_vector: with_vector.clone() });
        check(&ScrollRequest { offset, limit, filter: filter.clone(), with_payload, with_vector, order_by });
        check(&CountRequest { filter: filter.clone(), exact });
        check(&FacetRequest { key, limit, filter: filter.clone(), exact });
        check(&MatrixRequest { sample, limit, filter, using });
    }
}
