"""Prefetches and what merges them: fusion, formulas, rescoring, MMR; then groups and batches."""

from __future__ import annotations

import math
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from golden import POINTS, assert_ranked, field, ids, six

LIKE_X, LIKE_Y = [1.0, 0.0], [0.0, 1.0]


def two_lists() -> list[models.Prefetch]:
    """On Dot: [3, 6] with scores 3 and 2, and [3, 4] with scores 4 and 3."""
    return [models.Prefetch(query=LIKE_X, limit=2), models.Prefetch(query=LIKE_Y, limit=2)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (models.FusionQuery(fusion=models.Fusion.RRF), [(3, 1.0), (6, 1 / 3), (4, 1 / 3)]),
        (models.RrfQuery(rrf=models.Rrf()), [(3, 1.0), (6, 1 / 3), (4, 1 / 3)]),
        (models.RrfQuery(rrf=models.Rrf(k=60)), [(3, 2 / 60), (6, 1 / 61), (4, 1 / 61)]),
        (models.RrfQuery(rrf=models.Rrf(weights=[3.0, 1.0])), [(3, 1.25), (6, 0.6), (4, 1 / 3)]),
        (models.RrfQuery(rrf=models.Rrf(weights=[0.0, 1.0])), [(3, 0.5), (4, 1 / 3), (6, 0.0)]),
        (models.FusionQuery(fusion=models.Fusion.DBSF), [(3, 1.23570226), (6, 0.38214887), (4, 0.38214887)]),
    ],
)
def test_fusion(client: QdrantClient, name: str, query: Any, expected: Any) -> None:
    """RRF with its k and weights, DBSF with sample variance and no clamping."""
    six(client, name)
    assert_ranked(client.query_points(name, query=query, prefetch=two_lists()).points, expected)


def test_dbsf_of_single_and_equal_scores(client: QdrantClient, name: str) -> None:
    """One result, or results of equal score, count one half each."""
    six(client, name)
    one = models.Prefetch(query=LIKE_X, limit=1)
    flat = models.Prefetch(filter=field("n", range=models.Range(lte=3)), limit=3)
    dbsf = models.FusionQuery(fusion=models.Fusion.DBSF)
    assert_ranked(client.query_points(name, query=dbsf, prefetch=[one, flat]).points, [(3, 1), (1, 0.5), (2, 0.5)])


def test_fusion_threshold_is_inclusive(client: QdrantClient, name: str) -> None:
    """A fused score that equals the threshold stays."""
    six(client, name)
    rrf = models.FusionQuery(fusion=models.Fusion.RRF)
    found = client.query_points(name, query=rrf, prefetch=two_lists(), score_threshold=1.0).points
    assert ids(found) == [3]


def logistic(intercept: float, weights: dict[str, float]) -> models.FormulaQuery:
    """1 / (1 + exp(-(b0 + sum of weight * variable))), written with the client's expression classes."""
    inside = models.SumExpression(sum=[intercept, *(models.MultExpression(mult=[w, v]) for v, w in weights.items())])
    power = models.ExpExpression(exp=models.NegExpression(neg=inside))
    ratio = models.DivParams(left=1.0, right=models.SumExpression(sum=[1.0, power]))
    return models.FormulaQuery(formula=models.DivExpression(div=ratio))


#: Ten rows of (score, x1, x2), a logistic regression fitted on them, and its probabilities.
ROWS = [
    (0.9, 1, 0),
    (0.8, 0, 3),
    (0.75, 1, 1),
    (0.6, 0, 0),
    (0.55, 1, 2),
    (0.5, 0, 5),
    (0.4, 1, 0),
    (0.3, 0, 1),
    (0.2, 1, 4),
    (0.1, 0, 2),
]
COEFFICIENTS = {"$score": 0.7857250591334387, "x1": 0.5723489544480921, "x2": -0.09701120463166465}
INTERCEPT = -0.9371617188602119
PROBABILITIES = [
    0.5847587734132279,
    0.35443171533197165,
    0.5318243763106693,
    0.38562817775804686,
    0.46837069362645173,
    0.2632091287764486,
    0.4873720008265147,
    0.3103560194734943,
    0.35532520137504453,
    0.2587239131081307,
]


def test_logistic_regression_formula(client: QdrantClient, name: str) -> None:
    """A learned re-ranker: the prefetch gives $score, the payload the other features."""
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    points = [
        models.PointStruct(id=i, vector=[score, 0.0], payload={"x1": x1, "x2": x2})
        for i, (score, x1, x2) in enumerate(ROWS)
    ]
    client.upsert(name, points, wait=True)
    found = client.query_points(
        name, prefetch=models.Prefetch(query=LIKE_X, limit=10), query=logistic(INTERCEPT, COEFFICIENTS)
    ).points
    assert ids(found) == [0, 2, 6, 4, 3, 8, 1, 7, 5, 9]
    assert_ranked(found, [(i, PROBABILITIES[i]) for i in ids(found)])


def formula(expression: Any, **defaults: Any) -> models.FormulaQuery:
    """A formula query."""
    return models.FormulaQuery(formula=expression, defaults=defaults)


DECAY = {"x": "n", "target": 2.0, "scale": 2.0, "midpoint": 0.25}
#: Expression and its value for point 3, whose payload is n = 3, color = blue, at = Berlin, when = 1970-01-02, and
#: whose $score is 3 (prefetch 0) and whose $score[1] is 4.
OPERATORS: list[tuple[Any, float]] = [
    (7.5, 7.5),
    ("$score", 3.0),
    ("$score[1]", 4.0),
    ("$score[9]", 0.0),
    ("n", 3.0),
    (models.SumExpression(sum=[]), 0.0),
    (models.SumExpression(sum=["n", "$score", 1.0]), 7.0),
    (models.MultExpression(mult=[]), 1.0),
    (models.MultExpression(mult=["n", "$score", 2.0]), 18.0),
    (models.MultExpression(mult=[0.0, "nowhere"]), 0.0),
    (models.DivExpression(div=models.DivParams(left="n", right=2.0)), 1.5),
    (models.DivExpression(div=models.DivParams(left=0.0, right=0.0)), 0.0),
    (models.DivExpression(div=models.DivParams(left=1.0, right=0.0, by_zero_default=5.0)), 5.0),
    (models.NegExpression(neg="n"), -3.0),
    (models.AbsExpression(abs=-2.5), 2.5),
    (models.SqrtExpression(sqrt=6.25), 2.5),
    (models.PowExpression(pow=models.PowParams(base="n", exponent=-2.0)), 1 / 9),
    (models.ExpExpression(exp=1.5), 4.48168907),
    (models.LnExpression(ln="n"), 1.09861229),
    (models.Log10Expression(log10=1000.0), 3.0),
    (models.FieldCondition(key="color", match=models.MatchValue(value="blue")), 1.0),
    (models.FieldCondition(key="color", match=models.MatchValue(value="red")), 0.0),
    (models.HasIdCondition(has_id=[3]), 1.0),
    (models.DatetimeExpression(datetime="1970-01-01T00:01:00.5Z"), 60.5),
    (models.DatetimeKeyExpression(datetime_key="when"), 86400.0),
    (models.LinDecayExpression(lin_decay=models.DecayParamsExpression(**DECAY)), 0.625),
    (models.ExpDecayExpression(exp_decay=models.DecayParamsExpression(**DECAY)), 0.5),
    (models.GaussDecayExpression(gauss_decay=models.DecayParamsExpression(**DECAY)), 0.25**0.25),
    (models.ExpDecayExpression(exp_decay=models.DecayParamsExpression(x=1.0)), 0.5),
    (models.LinDecayExpression(lin_decay=models.DecayParamsExpression(x=9.0)), 0.0),
]


@pytest.mark.parametrize(("expression", "value"), OPERATORS, ids=lambda v: type(v).__name__)
def test_formula_operators(client: QdrantClient, name: str, expression: Any, value: float) -> None:
    """Every operator on one point."""
    six(client, name)
    client.set_payload(name, {"when": "1970-01-02"}, points=[3], wait=True)
    only = models.Filter(must=[models.HasIdCondition(has_id=[3])])
    lists = [models.Prefetch(query=q, filter=only) for q in (LIKE_X, LIKE_Y)]
    found = client.query_points(name, query=formula(expression), prefetch=lists).points
    assert_ranked(found, [(3, value)])


def test_formula_geo_distance(client: QdrantClient, name: str) -> None:
    """Haversine metres: a quarter of a meridian is about 10,007.6 km."""
    six(client, name)
    client.set_payload(name, {"at": {"lon": 30.0, "lat": 90.0}}, points=[3], wait=True)
    origin = models.GeoPoint(lon=0.0, lat=0.0)
    away = models.GeoDistance(geo_distance=models.GeoDistanceParams(origin=origin, to="at"))
    query = formula(away, at={"lon": 0.0, "lat": 0.0})
    found = client.query_points(name, query=query, prefetch=models.Prefetch(query=LIKE_X, limit=1)).points
    assert found[0].score == pytest.approx(math.pi / 2 * 6371008.8, rel=1e-3)


def test_formula_defaults(client: QdrantClient, name: str) -> None:
    """A default stands in for a missing payload value and for the score of a missing prefetch entry."""
    six(client, name)
    client.set_payload(name, {"boost": 10}, points=[3], wait=True)
    query = formula(models.SumExpression(sum=["boost", "$score[1]"]), boost=1.0, **{"$score[1]": 0.5})
    found = client.query_points(name, query=query, prefetch=two_lists()).points
    assert_ranked(found, [(3, 14), (4, 4), (6, 1.5)])


def test_formula_threshold_limit_offset(client: QdrantClient, name: str) -> None:
    """Inclusive threshold, then the window."""
    six(client, name)
    every = models.Prefetch(limit=10)
    found = client.query_points(name, query=formula("n"), prefetch=every, score_threshold=3.0, offset=1, limit=2).points
    assert_ranked(found, [(5, 5), (4, 4)])


@pytest.mark.parametrize(
    "expression",
    [
        "nowhere",
        "color",
        models.DivExpression(div=models.DivParams(left=1.0, right=0.0)),
        models.LnExpression(ln=0.0),
        models.SqrtExpression(sqrt=-1.0),
        models.ExpExpression(exp=1000.0),
        models.PowExpression(pow=models.PowParams(base=0.0, exponent=-1.0)),
        models.SumExpression(sum=[3e38, models.MultExpression(mult=[3e38] * 9)]),
    ],
)
def test_formula_errors(client: QdrantClient, name: str, expression: Any) -> None:
    """One point that cannot be scored fails the request."""
    six(client, name)
    with pytest.raises(Exception, match=r"Expected number|non-finite|No value|not a number"):
        client.query_points(name, query=formula(expression), prefetch=models.Prefetch(limit=3))


def test_rescoring_equals_the_direct_query(client: QdrantClient, name: str) -> None:
    """A prefetch that covers everything changes nothing; a smaller one restricts the candidates."""
    six(client, name)
    direct = client.query_points(name, query=LIKE_Y).points
    wide = client.query_points(name, query=LIKE_Y, prefetch=models.Prefetch(query=LIKE_X, limit=6)).points
    assert [(p.id, p.score) for p in wide] == [(p.id, p.score) for p in direct]
    narrow = client.query_points(name, query=LIKE_Y, prefetch=models.Prefetch(query=LIKE_X, limit=2)).points
    assert_ranked(narrow, [(3, 4), (6, -1)])


def test_filter_reaches_every_leaf(client: QdrantClient, name: str) -> None:
    """The root filter applies before the prefetch limit."""
    six(client, name)
    red = field("color", match=models.MatchValue(value="red"))
    nested = models.Prefetch(prefetch=models.Prefetch(query=LIKE_X, limit=2), query=LIKE_Y, limit=2)
    found = client.query_points(name, query=LIKE_X, prefetch=nested, query_filter=red).points
    assert set(ids(found)) == {1, 5}


@pytest.mark.server_only("inner-should of diff/explained.py")
def test_should_of_two_levels_is_one_or(client: QdrantClient, name: str) -> None:
    """The lists are concatenated on their way to the leaf, and the root does not filter again."""
    six(client, name)
    one, three = (models.FieldCondition(key="n", match=models.MatchValue(value=n)) for n in (1, 3))
    leaf = models.Prefetch(query=LIKE_X, filter=models.Filter(should=[three]))
    found = client.query_points(name, query=LIKE_Y, prefetch=leaf, query_filter=models.Filter(should=[one])).points
    assert_ranked(found, [(3, 4), (1, 0)])


@pytest.mark.server_only("indexed-null of diff/explained.py")
def test_formula_over_null(client: QdrantClient, name: str) -> None:
    """A stored null is a value of the wrong type: not a missing one, with or without an index."""
    six(client, name)
    client.upsert(name, [models.PointStruct(id=9, vector=[9.0, 9.0], payload={"m": None})], wait=True)
    best, query = models.Prefetch(query=LIKE_X, limit=1), formula("m", m=2.5)
    with pytest.raises(Exception, match="Expected number value for m"):
        client.query_points(name, query=query, prefetch=best)
    client.create_payload_index(name, "m", models.PayloadSchemaType.FLOAT, wait=True)
    with pytest.raises(Exception, match="Expected number value for m"):
        client.query_points(name, query=query, prefetch=best)
    client.delete_payload(name, ["m"], points=[9], wait=True)
    assert_ranked(client.query_points(name, query=query, prefetch=best).points, [(9, 2.5)])


@pytest.mark.server_only("tree-exclusion of diff/explained.py")
def test_ids_are_left_out_of_the_whole_tree(client: QdrantClient, name: str) -> None:
    """Id 3 is an example in one prefetch: it is missing from the other one too."""
    six(client, name)
    lists = [models.Prefetch(query=3, limit=2), models.Prefetch(query=LIKE_Y, limit=1)]
    found = client.query_points(name, query=models.FusionQuery(fusion=models.Fusion.RRF), prefetch=lists).points
    assert 3 not in ids(found) and 4 in ids(found)


#: Nearest to (1,0) by Dot: 1 (1.0), 2 (0.9), 3 (0.5). With diversity 0.6 the second pick is 3, unlike 1 and 2.
SPREAD = {1: [1.0, 0.0], 2: [0.9, 0.0], 3: [0.5, 0.5], 4: [-1.0, 0.0]}


def spread(client: QdrantClient, name: str) -> None:
    """The points of the MMR tests."""
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    client.upsert(name, [models.PointStruct(id=i, vector=v) for i, v in SPREAD.items()], wait=True)


def diverse(diversity: float | None, candidates: int | None = None) -> models.NearestQuery:
    """Nearest to (1,0) with MMR."""
    return models.NearestQuery(nearest=LIKE_X, mmr=models.Mmr(diversity=diversity, candidates_limit=candidates))


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        (0.0, [(1, 1.0), (2, 0.9), (3, 0.5)]),
        (0.6, [(1, 1.0), (3, 0.5), (2, 0.9)]),
        (1.0, [(1, 1.0), (3, 0.5), (2, 0.9)]),
    ],
)
def test_mmr(client: QdrantClient, name: str, diversity: float, expected: Any) -> None:
    """Order of selection, scores of nearest; the candidates are the `limit` nearest unless said otherwise."""
    spread(client, name)
    found = client.query_points(name, query=diverse(diversity), limit=3).points
    assert [(p.id, pytest.approx(p.score)) for p in found] == expected


def test_mmr_candidates(client: QdrantClient, name: str) -> None:
    """With more candidates the opposite point is the most diverse; over a prefetch they come from it."""
    spread(client, name)
    assert ids(client.query_points(name, query=diverse(1.0, 4), limit=2).points) == [1, 4]
    only = models.Prefetch(query=LIKE_X, limit=2)
    found = client.query_points(name, query=diverse(0.6, 4), prefetch=only, limit=4).points
    assert ids(found) == [1, 2]


@pytest.mark.server_only("mmr-offset of diff/explained.py")
def test_mmr_offset_shortens_the_page(client: QdrantClient, name: str) -> None:
    """Selection stops at limit, then offset skips."""
    spread(client, name)
    found = client.query_points(name, query=diverse(0.6, 3), limit=2, offset=1).points
    assert ids(found) == [3]


def test_order_by_over_a_prefetch(client: QdrantClient, name: str) -> None:
    """order_by orders the prefetched points by their payload."""
    six(client, name)
    client.create_payload_index(name, "n", models.PayloadSchemaType.INTEGER, wait=True)
    order = models.OrderByQuery(order_by=models.OrderBy(key="n", direction=models.Direction.DESC))
    found = client.query_points(name, query=order, prefetch=two_lists()).points
    assert [(p.id, p.order_value) for p in found] == [(6, 6), (4, 4), (3, 3)]


def test_random_sample_over_a_prefetch(client: QdrantClient, name: str) -> None:
    """A random choice among the prefetched points."""
    six(client, name)
    query = models.SampleQuery(sample=models.Sample.RANDOM)
    found = client.query_points(name, query=query, prefetch=two_lists(), limit=2).points
    assert len(found) == 2 and set(ids(found)) <= {3, 4, 6}


@pytest.mark.parametrize("strategy", [None, *models.RecommendStrategy])
def test_groups(client: QdrantClient, name: str, strategy: Any) -> None:
    """Groups are ordered by their best hit; group_size cuts each."""
    six(client, name)
    body = models.RecommendInput(positive=[LIKE_X], strategy=strategy)
    query: Any = models.RecommendQuery(recommend=body)
    groups = client.query_points_groups(name, "color", query=query, group_size=2, limit=2).groups
    assert [(g.id, set(ids(g.hits))) for g in groups] == [("blue", {3, 4}), ("green", {6})]


def test_groups_with_lookup(client: QdrantClient, name: str) -> None:
    """The group's own point in another collection comes along, if it is there."""
    six(client, name)
    other = f"{name}_groups"
    client.create_collection(other, vectors_config={})
    client.upsert(other, [models.PointStruct(id=3, vector={}, payload={"title": "three"})], wait=True)
    groups = client.query_points_groups(name, "n", query=LIKE_X, limit=2, group_size=1, with_lookup=other).groups
    assert [g.id for g in groups] == [3, 6]
    assert groups[0].lookup is not None and groups[0].lookup.payload == {"title": "three"}
    assert groups[1].lookup is None


def test_groups_over_prefetch_and_order_by(client: QdrantClient, name: str) -> None:
    """Any query can be grouped."""
    six(client, name)
    client.create_payload_index(name, "n", models.PayloadSchemaType.INTEGER, wait=True)
    order = models.OrderByQuery(order_by=models.OrderBy(key="n", direction=models.Direction.DESC))
    groups = client.query_points_groups(name, "color", query=order, group_size=1).groups
    assert [(g.id, ids(g.hits)) for g in groups] == [("green", [6]), ("red", [5]), ("blue", [4])]
    lists = [models.Prefetch(query=LIKE_X, limit=100)]
    groups = client.query_points_groups(name, "color", query=LIKE_Y, prefetch=lists, group_size=3).groups
    assert [g.id for g in groups] == ["blue", "red", "green"]


def test_batch(client: QdrantClient, name: str) -> None:
    """One answer per request, in order; an empty batch gives an empty list."""
    six(client, name)
    recommend = models.RecommendQuery(recommend=models.RecommendInput(positive=[1], negative=[2]))
    requests = [
        models.QueryRequest(query=LIKE_X, limit=1, with_payload=True),
        models.QueryRequest(query=recommend, limit=2),
        models.QueryRequest(prefetch=two_lists(), query=models.FusionQuery(fusion=models.Fusion.RRF), limit=1),
        models.QueryRequest(limit=2, offset=1),
    ]
    answers = client.query_batch_points(name, requests)
    assert [ids(a.points) for a in answers] == [[3], [6, 3], [3], [2, 3]]
    assert answers[0].points[0].payload == {"color": "blue", "n": 3}
    assert client.query_batch_points(name, []) == []


def test_point_set_is_what_the_goldens_assume() -> None:
    """The hand-worked numbers above hold for these points only."""
    assert POINTS[3] == [3.0, 4.0] and POINTS[6] == [2.0, -1.0]
