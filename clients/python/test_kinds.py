"""Every vector query kind through the official client, with scores worked out by hand on all four distances."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient, models

from golden import DISTANCES, POINTS, assert_ranked, field, ids, six

AVERAGE = models.RecommendStrategy.AVERAGE_VECTOR
BEST = models.RecommendStrategy.BEST_SCORE
SUM = models.RecommendStrategy.SUM_SCORES

#: Similarities behind the numbers, with a = sim to (1,0) and b = sim to (0,1):
#: Dot a: 3 -4 1 2, b: 4 3 1 -1 · Euclid a: -20 -34 -1 -2, b: -18 -20 -1 -8 · Manhattan a: -6 -8 -1 -2, b: -6 -6 -1 -4.
LIKE_1_UNLIKE_2 = {
    ("Dot", AVERAGE): [(6, 5), (3, 2), (5, 1), (4, -11)],
    ("Dot", BEST): [(6, 5 / 6), (5, -0.75), (4, -0.875), (3, -0.9)],
    ("Dot", SUM): [(6, 3), (5, 0), (3, -1), (4, -7)],
    ("Euclid", AVERAGE): [(6, 0), (5, 5**0.5), (3, 26**0.5), (4, 52**0.5)],
    ("Euclid", BEST): [(6, 1 / 6), (4, -1 / 42), (3, -1 / 38), (5, -0.25)],
    ("Euclid", SUM): [(6, 6), (5, 0), (3, -2), (4, -14)],
    ("Manhattan", AVERAGE): [(6, 0), (5, 3), (3, 6), (4, 10)],
    ("Manhattan", BEST): [(6, 1 / 6), (3, -1 / 14), (4, -1 / 14), (5, -0.25)],
    ("Manhattan", SUM): [(6, 2), (5, 0), (3, 0), (4, -2)],
    ("Cosine", AVERAGE): [(6, 1), (5, 0.31622777), (3, 0.17888544), (4, -0.98386991)],
    ("Cosine", BEST): [(6, 0.73606798), (4, -0.6875), (5, -0.70710678), (3, -0.72222222)],
    ("Cosine", SUM): [(6, 1.34164079), (5, 0), (3, -0.2), (4, -1.4)],
}


def recommend(positive: list[Any], negative: list[Any], strategy: models.RecommendStrategy | None = None) -> Any:
    """A recommend query."""
    body = models.RecommendInput(positive=positive, negative=negative, strategy=strategy)
    return models.RecommendQuery(recommend=body)


def discover(target: Any, *context: tuple[Any, Any]) -> Any:
    """A discover query."""
    pairs = [models.ContextPair(positive=p, negative=n) for p, n in context]
    return models.DiscoverQuery(discover=models.DiscoverInput(target=target, context=pairs))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("strategy", [AVERAGE, BEST, SUM])
def test_recommend_by_ids(client: QdrantClient, name: str, distance: Any, strategy: Any) -> None:
    """Like 1, unlike 2, by id: both are left out, and custom scores fall on every distance."""
    six(client, name, distance)
    found = client.query_points(name, query=recommend([1], [2], strategy)).points
    assert_ranked(found, LIKE_1_UNLIKE_2[distance.value, strategy])


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (None, [(6, 5), (1, 2), (3, 2), (5, 1), (2, -1), (4, -11)]),
        (BEST, [(6, 5 / 6), (1, 0.75), (5, -0.75), (2, -0.75), (4, -0.875), (3, -0.9)]),
        (SUM, [(6, 3), (1, 1), (5, 0), (2, -1), (3, -1), (4, -7)]),
    ],
)
def test_recommend_by_raw_vectors(client: QdrantClient, name: str, strategy: Any, expected: Any) -> None:
    """Raw vectors leave nothing out, even when a stored vector equals them; no strategy means the average."""
    six(client, name)
    found = client.query_points(name, query=recommend([[1.0, 0.0]], [[0.0, 1.0]], strategy)).points
    assert_ranked(found, expected)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (BEST, [(6, -0.25), (1, -0.5), (5, -0.75), (4, -0.875), (3, -0.9)]),
        (SUM, [(6, 1), (1, 0), (5, -1), (4, -3), (3, -4)]),
    ],
)
def test_negatives_only(client: QdrantClient, name: str, strategy: Any, expected: Any) -> None:
    """Only negatives: the best are the least like them, all best_score values below zero."""
    six(client, name)
    assert_ranked(client.query_points(name, query=recommend([], [2], strategy)).points, expected)


def test_negatives_only_average_is_refused(client: QdrantClient, name: str) -> None:
    """An average needs positives."""
    six(client, name)
    with pytest.raises(Exception, match="Positive"):
        client.query_points(name, query=recommend([], [2], AVERAGE))


def test_average_of_stored_cosine_vectors(client: QdrantClient, name: str) -> None:
    """Stored vectors enter the mean normalised, raw ones as they are: (0.6,0.8) + (2,0) over 2."""
    six(client, name, models.Distance.COSINE)
    found = client.query_points(name, query=recommend([3, [2.0, 0.0]], [])).points
    length = (1.3**2 + 0.4**2) ** 0.5
    expected = {1: 1.3 / length, 2: 0.4 / length, 4: (-0.8 * 1.3 + 0.6 * 0.4) / length}
    expected[5] = 1.7 / length / 2**0.5
    expected[6] = (2 * 1.3 - 0.4) / 5**0.5 / length
    assert_ranked(found, sorted(expected.items(), key=lambda kv: -kv[1]))


def named(client: QdrantClient, name: str) -> None:
    """Two named vectors: `plain` holds the six points, `shifted` the same one to the right; 6 lacks `shifted`."""
    config = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection(name, vectors_config={"plain": config, "shifted": config})
    points = []
    for i, (x, y) in POINTS.items():
        vectors: Any = {"plain": [x, y], "shifted": [x + 1, y]}
        if i == 6:
            del vectors["shifted"]
        points.append(models.PointStruct(id=i, vector=vectors, payload={"n": i}))
    client.upsert(name, points, wait=True)


def test_using(client: QdrantClient, name: str) -> None:
    """`using` chooses the vector of the examples and of the search; points without it are left out."""
    named(client, name)
    plain = client.query_points(name, query=recommend([1], [2]), using="plain").points
    assert_ranked(plain, LIKE_1_UNLIKE_2["Dot", AVERAGE])
    shifted = client.query_points(name, query=recommend([1], [2], SUM), using="shifted").points
    assert_ranked(shifted, [(5, 1), (3, 0), (4, -6)])


def test_using_is_needed(client: QdrantClient, name: str) -> None:
    """Without a default vector the name has to be given."""
    named(client, name)
    with pytest.raises(Exception, match="vector"):
        client.query_points(name, query=[1.0, 0.0])


@pytest.mark.parametrize("strategy", [AVERAGE, BEST, SUM])
def test_lookup_from_excludes_nothing(client: QdrantClient, name: str, strategy: Any) -> None:
    """Ids of another collection mean other points: the same answer as with the raw vectors."""
    six(client, name)
    other = f"{name}_other"
    named(client, other)
    client.upsert(other, [models.PointStruct(id=77, vector={"plain": [1.0, 0.0]}, payload={})], wait=True)
    place = models.LookupLocation(collection=other, vector="plain")
    found = client.query_points(name, query=recommend([77], [2], strategy), lookup_from=place).points
    raw = client.query_points(name, query=recommend([[1.0, 0.0]], [[0.0, 1.0]], strategy)).points
    assert_ranked(found, [(p.id, p.score) for p in raw])
    assert {1, 2} <= set(ids(found))


def test_lookup_from_the_same_collection_excludes(client: QdrantClient, name: str) -> None:
    """Another vector of the same collection: still the same points."""
    named(client, name)
    place = models.LookupLocation(collection=name, vector="shifted")
    found = client.query_points(name, query=2, using="plain", lookup_from=place).points
    assert_ranked(found, [(3, 7), (5, 2), (1, 1), (6, 1), (4, -1)])


@pytest.mark.parametrize("query", [[1.0, 0.0], recommend([[1.0, 0.0]], [], SUM), discover([1.0, 0.0])])
def test_filter_limit_offset(client: QdrantClient, name: str, query: Any) -> None:
    """A filter keeps scores and order; offset skips from the top."""
    six(client, name)
    red = field("color", match=models.MatchAny(any=["red", "blue"]))
    every = client.query_points(name, query=query, query_filter=red).points
    assert set(ids(every)) == {1, 2, 3, 4, 5} and every[0].id == 3
    page = client.query_points(name, query=query, query_filter=red, limit=2, offset=3).points
    assert [p.score for p in page] == [p.score for p in every[3:5]]


@pytest.mark.parametrize(
    ("distance", "query", "threshold", "expected"),
    [
        ("Dot", [1.0, 0.0], 1.0, [3, 6]),
        ("Euclid", [1.0, 0.0], 2**0.5 + 0.01, [1, 5, 2, 6]),
        ("Manhattan", [1.0, 0.0], 2.0, [1, 5]),
        ("Dot", recommend([1], [2], SUM), -1.0, [6, 5]),
        ("Dot", recommend([1], [2]), 1.5, [6, 3]),
    ],
)
def test_score_threshold(
    client: QdrantClient, name: str, distance: str, query: Any, threshold: float, expected: list[int]
) -> None:
    """Strict, in the direction of the list."""
    six(client, name, models.Distance(distance))
    found = client.query_points(name, query=query, score_threshold=threshold).points
    assert sorted(ids(found)) == sorted(expected)


@pytest.mark.server_only("threshold-custom of diff/explained.py")
@pytest.mark.parametrize(
    ("distance", "query", "threshold", "expected"),
    [
        ("Euclid", recommend([1], [2], BEST), -0.025, [6, 4]),
        ("Euclid", recommend([1], [2], SUM), 0.0, [6]),
        ("Manhattan", recommend([1], [2], SUM), -1.0, [6, 5, 3]),
        ("Euclid", discover(5, (1, 2)), 0.0, [6]),
        ("Euclid", models.ContextQuery(context=models.ContextPair(positive=1, negative=2)), -0.5, [6, 5]),
    ],
)
def test_threshold_of_custom_scores_keeps_the_larger(
    client: QdrantClient, name: str, distance: str, query: Any, threshold: float, expected: list[int]
) -> None:
    """The deliberate improvement: custom scores fall on every distance, and a threshold keeps those above."""
    six(client, name, models.Distance(distance))
    found = client.query_points(name, query=query, score_threshold=threshold).points
    assert sorted(ids(found)) == sorted(expected)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("Dot", [(6, 1.75), (3, -0.0625), (4, -0.75)]),
        ("Euclid", [(6, 1 + 1 / 12), (3, -1 + 1 / 28), (4, -1 + 1 / 60)]),
        ("Manhattan", [(6, 1 + 1 / 8), (3, 1 / 12), (4, -1 + 1 / 16)]),
        ("Cosine", [(6, 1.62012657), (3, -0.25126266), (4, -0.56194967)]),
    ],
)
def test_discover(client: QdrantClient, name: str, distance: str, expected: Any) -> None:
    """Target 5, zone of 1 against 2: rank plus squashed similarity; a tie (Manhattan, 3) ranks 0."""
    six(client, name, models.Distance(distance))
    assert_ranked(client.query_points(name, query=discover(5, (1, 2))).points, expected)


def test_discover_ties_and_raw_vectors(client: QdrantClient, name: str) -> None:
    """Point 5 is as near to the positive as to the negative: rank 0."""
    six(client, name)
    found = client.query_points(name, query=discover([1.0, 1.0], ([1.0, 0.0], [0.0, 1.0]))).points
    assert_ranked(found, [(1, 1.75), (6, 1.75), (5, 5 / 6), (3, -0.0625), (2, -0.25), (4, -0.75)])


def test_discover_without_pairs_orders_like_nearest(client: QdrantClient, name: str) -> None:
    """No context: nearest order, squashed scores."""
    six(client, name)
    found = client.query_points(name, query=discover([1.0, 1.0])).points
    assert_ranked(found, [(3, 0.9375), (5, 5 / 6), (1, 0.75), (2, 0.75), (6, 0.75), (4, 0.25)])


def test_context(client: QdrantClient, name: str) -> None:
    """No loss inside the zone, a squashed loss outside, an epsilon on its edge."""
    six(client, name)
    pair = models.ContextPair(positive=[1.0, 0.0], negative=[0.0, 1.0])
    found = client.query_points(name, query=models.ContextQuery(context=[pair])).points
    assert_ranked(found, [(1, 0), (6, 0), (5, 0), (2, -0.5), (3, -0.5), (4, -0.875)])
    assert -2e-7 < {p.id: p.score for p in found}[5] < 0


@pytest.mark.server_only("null-context of diff/explained.py")
def test_empty_context_scores_zero(client: QdrantClient, name: str) -> None:
    """No pairs, no loss."""
    six(client, name)
    found = client.query_points(name, query=models.ContextQuery(context=[])).points
    assert_ranked(found, [(i, 0) for i in POINTS])


def test_null_context(client: QdrantClient, http: httpx.Client, name: str) -> None:
    """The key must be there, its value may be null, which the client leaves out."""
    six(client, name)

    def ask(query: dict[str, Any]) -> httpx.Response:
        return http.post(f"/collections/{name}/points/query", json={"query": query})

    context = ask({"context": None}).raise_for_status().json()["result"]["points"]
    assert sorted((p["id"], p["score"]) for p in context) == [(i, 0) for i in POINTS]
    target = ask({"discover": {"target": [1.0, 1.0], "context": None}}).raise_for_status().json()["result"]["points"]
    assert [p["id"] for p in target][:2] == [3, 5] and target[0]["score"] == pytest.approx(0.9375)
    for incomplete in ({"discover": {"target": [1.0, 1.0]}}, {}):
        assert ask(incomplete).status_code == 400


@pytest.mark.server_only("one-row-multi of diff/explained.py")
def test_dense_query_over_a_multi_slot(client: QdrantClient, name: str) -> None:
    """A single vector is a matrix of one row."""
    rows = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    config = models.VectorParams(size=2, distance=models.Distance.DOT, multivector_config=rows)
    client.create_collection(name, vectors_config=config)
    points = [
        models.PointStruct(id=1, vector=[[1.0, 0.0], [0.0, 2.0]]),
        models.PointStruct(id=2, vector=[[0.5, 0.5]]),
    ]
    client.upsert(name, points, wait=True)
    assert_ranked(client.query_points(name, query=[0.0, 1.0]).points, [(1, 2), (2, 0.5)])


def test_multivector_max_sim(client: QdrantClient, name: str) -> None:
    """Sum over query rows of the best stored row; Euclid takes the root of the total at the end."""
    rows = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    config = {
        kind: models.VectorParams(size=2, distance=models.Distance(kind), multivector_config=rows)
        for kind in ("Dot", "Euclid", "Manhattan")
    }
    client.create_collection(name, vectors_config=config)
    matrices = {1: [[1.0, 0.0], [0.0, 2.0]], 2: [[3.0, 4.0]]}
    points = [models.PointStruct(id=i, vector=dict.fromkeys(config, m)) for i, m in matrices.items()]
    client.upsert(name, points, wait=True)
    query = [[1.0, 1.0], [0.0, 3.0]]
    expected = {
        "Dot": [(2, 19), (1, 8)],
        "Euclid": [(1, 2**0.5), (2, 23**0.5)],
        "Manhattan": [(1, 2), (2, 9)],
    }
    for kind, wanted in expected.items():
        assert_ranked(client.query_points(name, query=query, using=kind).points, wanted)


def test_sparse(client: QdrantClient, name: str) -> None:
    """Nearest gives only overlapping points, custom queries all; idf weighs by ln((N-df+.5)/(df+.5)+1)."""
    client.create_collection(
        name,
        vectors_config={},
        sparse_vectors_config={
            "s": models.SparseVectorParams(),
            "i": models.SparseVectorParams(modifier=models.Modifier.IDF),
        },
    )
    stored = {1: ([3, 1], [1.0, 2.0]), 2: ([3], [4.0]), 3: ([9], [1.0])}
    points = [
        models.PointStruct(id=i, vector=dict.fromkeys("si", models.SparseVector(indices=a, values=b)))
        for i, (a, b) in stored.items()
    ]
    client.upsert(name, points, wait=True)
    query = models.SparseVector(indices=[3, 1], values=[1.0, 1.0])
    assert_ranked(client.query_points(name, query=query, using="s").points, [(2, 4), (1, 3)])
    rare, common = 0.98082925, 0.47000363  # ln(2.5/1.5 + 1), ln(1.5/2.5 + 1)
    found = client.query_points(name, query=query, using="i").points
    assert_ranked(found, [(1, common + 2 * rare), (2, 4 * common)])
    custom = client.query_points(name, query=recommend([query], [], SUM), using="s").points
    assert_ranked(custom, [(2, 4), (1, 3), (3, 0)])


def test_nearest_by_id(client: QdrantClient, name: str) -> None:
    """The point itself is left out."""
    six(client, name)
    assert_ranked(client.query_points(name, query=1).points, [(3, 3), (6, 2), (5, 1), (2, 0), (4, -4)])


@pytest.mark.server_only("datatypes of diff/explained.py")
def test_narrow_datatypes(client: QdrantClient, name: str) -> None:
    """uint8 truncates and clamps, its cosine is computed directly; float16 rounds."""
    config = {
        f"{kind.value}-{distance.value}": models.VectorParams(size=2, distance=distance, datatype=kind)
        for kind in (models.Datatype.UINT8, models.Datatype.FLOAT16)
        for distance in (models.Distance.DOT, models.Distance.COSINE)
    }
    client.create_collection(name, vectors_config=config)
    stored = {1: [3.7, 300.0], 2: [0.1, -5.0]}
    client.upsert(
        name, [models.PointStruct(id=i, vector=dict.fromkeys(config, v)) for i, v in stored.items()], wait=True
    )
    back = {r.id: r.vector for r in client.retrieve(name, [1, 2], with_vectors=True)}
    assert back[1]["uint8-Dot"] == [3.0, 255.0] and back[2]["uint8-Dot"] == [0.0, 0.0]
    assert back[2]["float16-Dot"] == pytest.approx([0.0999755859375, -5.0], rel=1e-6)
    assert back[1]["uint8-Cosine"] == [3.0, 255.0]
    assert_ranked(client.query_points(name, query=[2.0, 1.0], using="uint8-Dot").points, [(1, 261), (2, 0)])
    direct = 255 / (3**2 + 255**2) ** 0.5
    assert_ranked(client.query_points(name, query=[0.0, 7.0], using="uint8-Cosine").points, [(1, direct), (2, 0)])
