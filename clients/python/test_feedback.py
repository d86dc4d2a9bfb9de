"""Relevance feedback (strategy naive): the eleven golden cases, by raw vectors and by ids, and on every slot kind."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from qdrant_client import QdrantClient, models

from golden import POINTS, assert_ranked, ids, six


class Golden(NamedTuple):
    """One case: metric, feedback scores by example id, coefficients, scores of points 1..6, order with ids."""

    metric: str
    feedback: dict[int, float]
    abc: tuple[float, float, float]
    scores: list[float]
    order: list[int]


GOLDENS = {
    "G1 two items": Golden(
        "Cosine",
        {1: 0.9, 2: 0.4},
        (1, 1, 1),
        [1.207106781, 0.207106781, 0.889949494, -0.841421356, 1.0, 0.987048159],
        [5, 6, 3, 4],
    ),
    "G2 b below one": Golden(
        "Cosine",
        {1: 0.4, 2: 0.9},
        (0.240764, 0.5, 0.590883),
        [-0.247571519, 0.588063233, 0.321907675, 0.550895155, 0.240764, -0.484424571],
        [4, 3, 5, 6],
    ),
    "G3 documented scores": Golden(
        "Cosine",
        {1: 0.68, 2: 0.72, 3: 0.61},
        (0.240764, 1.348897, 0.590883),
        [0.151045072, 0.170868069, 0.227321499, -0.018315216, 0.227626965, 0.058684296],
        [5, 6, 4],
    ),
    "G4 a tie makes no pair": Golden(
        "Cosine",
        {1: 0.5, 2: 0.5, 3: 0.3},
        (1, 2, 0.5),
        [0.703106781, 0.695106781, 0.977949494, -0.145421356, 0.988686292, 0.31801662],
        [5, 6, 4],
    ),
    "G5 all equal": Golden(
        "Cosine",
        {1: 0.5, 2: 0.5},
        (2, 1, 1),
        [1.414213562, 1.414213562, 1.979898987, -0.282842712, 2.0, 0.632455532],
        [5, 3, 6, 4],
    ),
    "G6 a single item": Golden(
        "Cosine",
        {1: 0.85},
        (1, 100, 100),
        [0.707106781, 0.707106781, 0.989949494, -0.141421356, 1.0, 0.316227766],
        [5, 3, 2, 6, 4],
    ),
    "G7 b zero": Golden("Dot", {1: 3, 2: 1, 3: -2}, (1, 0, 0.1), [0.6, 0.2, 2.6, -1.8, 0.8, 1.0], [6, 5, 4]),
    "G8 dot": Golden("Dot", {1: 3, 2: 1, 3: -2}, (0.5, 1, 0.25), [-3.75, -7.25, -40.25, -6.75, -11, -0.25], [6, 4, 5]),
    "G9 euclid": Golden("Euclid", {1: 0.2, 3: 0.7}, (1, 1, 1), [-11, -9, -3, -37, -6, -17], [5, 2, 6, 4]),
    "G10 manhattan": Golden("Manhattan", {1: 0.2, 3: 0.7}, (1, 1, 1), [-4, -3, -2, -7, -2, -5], [5, 2, 6, 4]),
    "G11 negative coefficients": Golden(
        "Cosine",
        {1: 0.9, 2: 0.4},
        (-1, 1, -0.5),
        [-0.957106781, -0.457106781, -0.939949494, 0.491421356, -1, -0.651637963],
        [4, 6, 3, 5],
    ),
}


def feedback(target: Any, items: list[tuple[Any, float]], abc: tuple[float, float, float]) -> Any:
    """A relevance feedback query."""
    naive = models.NaiveFeedbackStrategyParams(a=abc[0], b=abc[1], c=abc[2])
    body = models.RelevanceFeedbackInput(
        target=target,
        feedback=[models.FeedbackItem(example=e, score=s) for e, s in items],
        strategy=models.NaiveFeedbackStrategy(naive=naive),
    )
    return models.RelevanceFeedbackQuery(relevance_feedback=body)


@pytest.mark.parametrize("case", GOLDENS.values(), ids=GOLDENS.keys())
def test_golden_by_vectors(client: QdrantClient, name: str, case: Golden) -> None:
    """Raw examples leave nothing out: all six scores."""
    six(client, name, models.Distance(case.metric))
    query = feedback([1.0, 1.0], [(POINTS[i], s) for i, s in case.feedback.items()], case.abc)
    expected = sorted(zip(POINTS, case.scores, strict=True), key=lambda pair: -pair[1])
    assert_ranked(client.query_points(name, query=query).points, expected, tolerance=1e-5)


@pytest.mark.parametrize("case", GOLDENS.values(), ids=GOLDENS.keys())
def test_golden_by_ids(client: QdrantClient, name: str, case: Golden) -> None:
    """The same scores by id, without the examples."""
    six(client, name, models.Distance(case.metric))
    query = feedback([1.0, 1.0], list(case.feedback.items()), case.abc)
    found = client.query_points(name, query=query).points
    table = dict(zip(POINTS, case.scores, strict=True))
    assert_ranked(found, [(i, table[i]) for i in case.order], tolerance=1e-5)


def test_target_id_is_left_out(client: QdrantClient, name: str) -> None:
    """The target counts as an example."""
    six(client, name)
    found = client.query_points(name, query=feedback(5, [(1, 0.9), (2, 0.1)], (1, 1, 1))).points
    assert set(ids(found)) == {3, 4, 6}


@pytest.mark.parametrize("distance", ["Dot", "Cosine"])
def test_one_item_equals_nearest(client: QdrantClient, name: str, distance: str) -> None:
    """One item and a=1: the plain nearest list, to the last bit."""
    six(client, name, models.Distance(distance))
    near = client.query_points(name, query=[1.0, 0.25]).points
    found = client.query_points(name, query=feedback([1.0, 0.25], [([2.0, -1.0], 0.3)], (1, 2, 3))).points
    assert [(p.id, p.score) for p in found] == [(p.id, p.score) for p in near]


@pytest.mark.server_only("feedback-lookup of diff/explained.py")
def test_lookup_from(client: QdrantClient, name: str) -> None:
    """Examples of another collection are not left out."""
    six(client, name)
    other = f"{name}_other"
    client.create_collection(other, vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
    client.upsert(other, [models.PointStruct(id=i, vector=POINTS[i]) for i in (1, 2)], wait=True)
    place = models.LookupLocation(collection=other)
    query = feedback([1.0, 1.0], [(1, 0.9), (2, 0.4)], (1, 1, 1))
    found = client.query_points(name, query=query, lookup_from=place).points
    # target (1,1) and conf .5 times (1,0)-(0,1): q' = (1.5, 0.5)
    assert_ranked(found, [(3, 6.5), (6, 2.5), (5, 2), (1, 1.5), (2, 0.5), (4, -4.5)])


@pytest.mark.server_only("feedback-slots of diff/explained.py")
def test_sparse_and_multi_slots(client: QdrantClient, name: str) -> None:
    """The same formula over sparse dot products and over max_sim."""
    rows = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    multi = models.VectorParams(size=2, distance=models.Distance.DOT, multivector_config=rows)
    client.create_collection(
        name, vectors_config={"m": multi}, sparse_vectors_config={"s": models.SparseVectorParams()}
    )

    def sparse(x: float, y: float) -> models.SparseVector:
        return models.SparseVector(indices=[0, 1], values=[x, y])

    points = [models.PointStruct(id=i, vector={"m": [[x, y]], "s": sparse(x, y)}) for i, (x, y) in POINTS.items()]
    client.upsert(name, points, wait=True)
    expected = [(3, 6.5), (6, 2.5), (5, 2), (1, 1.5), (2, 0.5), (4, -4.5)]
    query = feedback(sparse(1, 1), [(sparse(1, 0), 0.9), (sparse(0, 1), 0.4)], (1, 1, 1))
    assert_ranked(client.query_points(name, query=query, using="s").points, expected)
    query = feedback([[1.0, 1.0]], [([[1.0, 0.0]], 0.9), ([[0.0, 1.0]], 0.4)], (1, 1, 1))
    assert_ranked(client.query_points(name, query=query, using="m").points, expected)


def test_over_a_prefetch(client: QdrantClient, name: str) -> None:
    """A prefetch that covers all points changes nothing."""
    six(client, name)
    query = feedback([1.0, 1.0], [([1.0, 0.0], 0.9), ([0.0, 1.0], 0.4)], (1, 1, 1))
    direct = client.query_points(name, query=query).points
    prefetch = models.Prefetch(query=[0.0, 1.0], limit=100)
    again = client.query_points(name, query=query, prefetch=prefetch).points
    assert [(p.id, p.score) for p in again] == [(p.id, p.score) for p in direct]
