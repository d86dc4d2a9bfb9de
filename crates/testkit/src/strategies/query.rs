//! Queries of every kind, as trees of prefetches, and the requests that read without scoring.

use kindred_model::config::Column;
use kindred_model::filter::Condition;
use kindred_model::query::example::Example;
use kindred_model::query::groups::{GroupsRequest, WithLookup};
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::context::{Context, Pair};
use kindred_model::query::kinds::discover::Discover;
use kindred_model::query::kinds::feedback::{Feedback, FeedbackItem, FeedbackStrategy};
use kindred_model::query::kinds::nearest::Nearest;
use kindred_model::query::kinds::order_by::{Direction, OrderBy, StartFrom};
use kindred_model::query::kinds::recommend::{Recommend, Strategy as Recommending};
use kindred_model::query::lists::{
    CountRequest, FacetRequest, MatrixRequest, RetrieveRequest, ScrollRequest,
};
use kindred_model::query::request::{
    LookupFrom, PayloadSelector, QueryNode, QueryRequest, SearchParams, VectorSelector,
};
use kindred_model::query::rerank::formula::{
    Decay, DecayShape, Defaults, Expression, Formula, Unary, Variable,
};
use kindred_model::query::rerank::fusion::Fusion;
use kindred_model::query::rerank::mmr::Mmr;
use proptest::prelude::*;
use serde_json::json;

use super::config::{ALIAS, LOOKUP, MAIN, World};
use super::filter::filter;
use super::payload::{field, id, indexed_fields};
use super::vector::{input, vector};

/// A query of any kind; trees are up to three levels deep.
pub fn query_request(world: &World) -> BoxedStrategy<QueryRequest> {
    let offset = prop_oneof![3 => Just(0_u64), 1 => 1_u64..6];
    (node(world, 2), offset, vector_selector(world), payload_selector())
        .prop_map(|(node, offset, with_vector, with_payload)| QueryRequest {
            node,
            offset,
            with_vector,
            with_payload,
        })
        .boxed()
}

fn node(world: &World, depth: u32) -> BoxedStrategy<QueryNode> {
    let plain = prop_oneof![
        1 => Just((None, None)),
        1 => order_by().prop_map(|order| (Some(Query::OrderBy(order)), None)),
        1 => Just((Some(Query::Sample), None)),
    ]
    .boxed();
    let leaf = prop_oneof![1 => plain, 6 => vector_query(world)].prop_map(|query| (query, Vec::new()));
    let what = if depth == 0 {
        leaf.boxed()
    } else {
        let inner = prop_oneof![
            3 => vector_query(world),
            3 => fusion().prop_map(|fusion| (Some(Query::Fusion(fusion)), None)),
            3 => formula().prop_map(|formula| (Some(Query::Formula(formula)), None)),
            1 => order_by().prop_map(|order| (Some(Query::OrderBy(order)), None)),
        ];
        let tree = (inner, prop::collection::vec(node(world, depth - 1), 1..4));
        prop_oneof![2 => leaf, 1 => tree].boxed()
    };
    (
        what,
        prop::option::weighted(0.4, filter()),
        prop::option::weighted(0.15, threshold()),
        1_u64..12,
        lookup(world),
    )
        .prop_map(
            |(((query, using), mut prefetch), filter, threshold, limit, lookup)| {
                let mut query = query;
                fit_weights(&mut query, &mut prefetch);
                let takes_threshold = !matches!(query, None | Some(Query::OrderBy(_)));
                QueryNode {
                    prefetch,
                    query,
                    using,
                    filter,
                    params: SearchParams::default(),
                    score_threshold: threshold.filter(|_| takes_threshold),
                    limit,
                    lookup_from: lookup,
                }
            },
        )
        .boxed()
}

/// Often a score that points have.
fn threshold() -> BoxedStrategy<f32> {
    let quarters = (-8_i8..9).prop_map(|quarters| f32::from(quarters) / 4.0);
    let places = (1_u8..5).prop_map(|place| 1.0 / f32::from(place));
    prop_oneof![2 => quarters, 1 => places, 1 => -3.0_f32..3.0].boxed()
}

/// Weights of a fusion are one per prefetch.
fn fit_weights(query: &mut Option<Query>, prefetch: &mut [QueryNode]) {
    if let Some(Query::Fusion(Fusion::Rrf {
        weights: Some(weights),
        ..
    })) = query
    {
        weights.resize(prefetch.len(), 1.0);
    }
}

fn lookup(world: &World) -> BoxedStrategy<Option<LookupFrom>> {
    let names: Vec<String> = world.columns().into_iter().map(|(name, _)| name).collect();
    let vector = if names.is_empty() {
        Just(None).boxed()
    } else {
        prop::option::weighted(0.3, prop::sample::select(names)).boxed()
    };
    let collection = prop_oneof![4 => Just(LOOKUP), 2 => Just(MAIN), 2 => Just(ALIAS), 1 => Just("missing")];
    let lookup = (collection, vector).prop_map(|(collection, vector)| LookupFrom {
        collection: collection.to_owned(),
        vector,
    });
    prop::option::weighted(0.08, lookup).boxed()
}

type Asked = (Option<Query>, Option<String>);

/// A vector query on one of the columns, now and then on one that does not exist.
fn vector_query(world: &World) -> BoxedStrategy<Asked> {
    let columns = world.columns();
    let Some((_, some_column)) = columns.first().cloned() else {
        return Just((None, None)).boxed();
    };
    let grain = world.grain;
    let known = prop::sample::select(columns).prop_flat_map(move |(name, column)| {
        let example = example(column, grain);
        (kind(&example), Just(Some(name).filter(|name| !name.is_empty())))
    });
    let unknown = kind(&example(some_column, grain)).prop_map(|query| (query, Some("unknown".to_owned())));
    prop_oneof![40 => known, 1 => unknown]
        .prop_map(|(query, using)| (Some(query), using))
        .boxed()
}

fn example(column: Column, grain: super::vector::Grain) -> BoxedStrategy<Example> {
    prop_oneof![
        3 => vector(column, grain).prop_map(|vector| Example::Vector(input(vector))),
        1 => id().prop_map(Example::Id),
    ]
    .boxed()
}

fn kind(example: &BoxedStrategy<Example>) -> BoxedStrategy<Query> {
    let pair =
        (example.clone(), example.clone()).prop_map(|(positive, negative)| Pair { positive, negative });
    let pairs = prop::collection::vec(pair, 0..3);
    let mmr = (
        prop::option::of(prop::sample::select(vec![0.0_f32, 0.25, 0.5, 1.0])),
        prop::option::of(1_u64..12),
    )
        .prop_map(|(diversity, candidates_limit)| Mmr {
            diversity,
            candidates_limit,
        });
    let nearest = (example.clone(), prop::option::weighted(0.2, mmr))
        .prop_map(|(example, mmr)| Query::Nearest(Nearest { example, mmr }));
    let strategy = prop::sample::select(vec![
        Recommending::AverageVector,
        Recommending::BestScore,
        Recommending::SumScores,
    ]);
    let examples = |least: usize| prop::collection::vec(example.clone(), least..3);
    let recommend = (examples(0), examples(0), strategy).prop_filter_map(
        "some example",
        |(positive, negative, strategy)| {
            let is_empty = positive.is_empty() && negative.is_empty();
            (!is_empty).then_some(Query::Recommend(Recommend {
                positive,
                negative,
                strategy,
            }))
        },
    );
    let discover = (example.clone(), pairs.clone())
        .prop_map(|(target, context)| Query::Discover(Discover { target, context }));
    let item = (
        example.clone(),
        (0_i8..5).prop_map(|score| f32::from(score) / 4.0),
    )
        .prop_map(|(example, score)| FeedbackItem { example, score });
    let feedback = (
        example.clone(),
        prop::collection::vec(item, 1..4),
        -2.0_f32..2.0,
        0.0_f32..2.0,
        -1.0_f32..1.0,
    )
        .prop_map(|(target, items, a, b, c)| {
            Query::Feedback(Feedback {
                target,
                items,
                strategy: FeedbackStrategy::Naive { a, b, c },
            })
        });
    prop_oneof![
        4 => nearest,
        3 => recommend,
        2 => discover,
        2 => pairs.prop_map(|pairs| Query::Context(Context { pairs })),
        2 => feedback,
    ]
    .boxed()
}

fn order_by() -> BoxedStrategy<OrderBy> {
    let key = prop::sample::select(vec!["n", "x", "at", "u", "o.n", "list[].n", "n", "x", "t"]);
    let direction = prop::sample::select(vec![Direction::Asc, Direction::Desc]);
    let start = prop_oneof![
        (-2_i64..3).prop_map(StartFrom::Integer),
        (-5_i32..6).prop_map(|halves| StartFrom::Float(f64::from(halves) / 2.0)),
    ];
    (key, direction, prop::option::weighted(0.3, start))
        .prop_map(|(key, direction, start_from)| OrderBy {
            key: field(key),
            direction,
            start_from,
        })
        .boxed()
}

fn fusion() -> BoxedStrategy<Fusion> {
    let weights = prop::collection::vec((-1_i8..5).prop_map(|weight| f32::from(weight) / 2.0), 3);
    prop_oneof![
        (1_u64..70, prop::option::weighted(0.3, weights)).prop_map(|(k, weights)| Fusion::Rrf { k, weights }),
        Just(Fusion::Dbsf),
    ]
    .boxed()
}

/// Formulas that do not blow rounding errors up; some name a field that points lack.
fn formula() -> BoxedStrategy<Formula> {
    let leaf = prop_oneof![
        3 => (-4_i8..5).prop_map(|number| Expression::Constant(f32::from(number) / 2.0)),
        3 => (0_usize..4).prop_map(|index| Expression::Variable(Variable::Score(index))),
        2 => Just(Expression::Variable(Variable::Payload(field("base")))),
        1 => Just(Expression::Variable(Variable::Payload(field("n")))),
        2 => filter().prop_map(|filter| Expression::Condition(Box::new(Condition::Filter(Box::new(filter))))),
    ];
    let expression = leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let shape = prop::sample::select(vec![
            DecayShape::Linear,
            DecayShape::Exponential,
            DecayShape::Gauss,
        ]);
        let decay = (shape, inner.clone(), prop::option::of(inner.clone())).prop_map(|(shape, x, target)| {
            Expression::Decay(Box::new(Decay {
                shape,
                x,
                target,
                scale: Some(4.0),
                midpoint: None,
            }))
        });
        prop_oneof![
            list.clone().prop_map(Expression::Sum),
            list.prop_map(Expression::Mult),
            inner
                .clone()
                .prop_map(|operand| Expression::Unary(Unary::Neg, Box::new(operand))),
            inner
                .clone()
                .prop_map(|operand| Expression::Unary(Unary::Abs, Box::new(operand))),
            (inner, prop::option::of(Just(1.0_f32))).prop_map(|(left, by_zero_default)| Expression::Div {
                left: Box::new(left),
                right: Box::new(Expression::Constant(4.0)),
                by_zero_default,
            }),
            decay,
        ]
    });
    (expression, any::<bool>())
        .prop_map(|(expression, has_default)| {
            let mut defaults = Defaults::default();
            if has_default {
                defaults.payload.insert(field("n"), json!(1));
                defaults.payload.insert(field("base"), json!(0.5));
                defaults.scores.insert(1, json!(0.25));
            }
            Formula { expression, defaults }
        })
        .boxed()
}

fn vector_selector(world: &World) -> BoxedStrategy<VectorSelector> {
    let mut names: Vec<String> = world.columns().into_iter().map(|(name, _)| name).collect();
    names.push("unknown".to_owned());
    prop_oneof![
        6 => Just(VectorSelector::All(false)),
        3 => Just(VectorSelector::All(true)),
        1 => prop::collection::vec(prop::sample::select(names), 0..2).prop_map(VectorSelector::Names),
    ]
    .boxed()
}

fn payload_selector() -> BoxedStrategy<PayloadSelector> {
    let paths = prop::collection::vec(
        prop::sample::select(vec!["n", "o.t", "list[].n", "list", "geo.lon"]),
        0..3,
    )
    .prop_map(|paths| paths.into_iter().map(field).collect::<Vec<_>>());
    prop_oneof![
        5 => Just(PayloadSelector::All(false)),
        2 => Just(PayloadSelector::All(true)),
        1 => paths.clone().prop_map(PayloadSelector::Include),
        1 => paths.prop_map(PayloadSelector::Exclude),
    ]
    .boxed()
}

/// A grouped query.
pub fn groups_request(world: &World) -> BoxedStrategy<GroupsRequest> {
    let group_by = prop::sample::select(vec!["t", "n", "u", "o.t", "list[].n", "base"]);
    let with_lookup = (
        prop_oneof![5 => Just(LOOKUP), 1 => Just("missing")],
        payload_selector(),
        vector_selector(world),
    )
        .prop_map(|(collection, with_payload, with_vectors)| WithLookup {
            collection: collection.to_owned(),
            with_payload,
            with_vectors,
        });
    (
        query_request(world),
        group_by,
        1_u64..4,
        prop::option::weighted(0.2, with_lookup),
    )
        .prop_map(|(query, group_by, group_size, with_lookup)| GroupsRequest {
            query: QueryRequest { offset: 0, ..query },
            group_by: field(group_by),
            group_size,
            with_lookup,
        })
        .boxed()
}

/// Points by id.
pub fn retrieve_request(world: &World) -> BoxedStrategy<RetrieveRequest> {
    (
        prop::collection::vec(id(), 0..12),
        payload_selector(),
        vector_selector(world),
    )
        .prop_map(|(ids, with_payload, with_vector)| RetrieveRequest {
            ids,
            with_payload,
            with_vector,
        })
        .boxed()
}

/// A page of points, by id or by a field.
pub fn scroll_request(world: &World) -> BoxedStrategy<ScrollRequest> {
    let parts = (payload_selector(), vector_selector(world));
    let order = prop::option::weighted(0.3, order_by());
    (
        prop::option::weighted(0.4, id()),
        1_u64..20,
        prop::option::of(filter()),
        parts,
        order,
    )
        .prop_map(
            |(offset, limit, filter, (with_payload, with_vector), order_by)| ScrollRequest {
                offset,
                limit,
                filter,
                with_payload,
                with_vector,
                order_by,
            },
        )
        .boxed()
}

/// A count.
pub fn count_request() -> BoxedStrategy<CountRequest> {
    (prop::option::weighted(0.9, filter()), any::<bool>())
        .prop_map(|(filter, exact)| CountRequest { filter, exact })
        .boxed()
}

/// The values of a field; some have no index that can be counted.
pub fn facet_request() -> BoxedStrategy<FacetRequest> {
    let keys: Vec<_> = indexed_fields()
        .into_iter()
        .map(|(path, _)| path)
        .chain([field("base")])
        .collect();
    (
        prop::sample::select(keys),
        1_u64..6,
        prop::option::of(filter()),
        any::<bool>(),
    )
        .prop_map(|(key, limit, filter, exact)| FacetRequest {
            key,
            limit,
            filter,
            exact,
        })
        .boxed()
}

/// A distance matrix.
pub fn matrix_request(world: &World) -> BoxedStrategy<MatrixRequest> {
    let mut names: Vec<Option<String>> = world.columns().into_iter().map(|(name, _)| Some(name)).collect();
    names.push(None);
    (
        2_u64..20,
        1_u64..6,
        prop::option::of(filter()),
        prop::sample::select(names),
    )
        .prop_map(|(sample, limit, filter, using)| MatrixRequest {
            sample,
            limit,
            filter,
            using,
        })
        .boxed()
}
