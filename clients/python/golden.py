"""Six points in the plane and the comparison of ranked lists with numbers worked out by hand.

Points 1..6 are those of the relevance-feedback goldens; their similarities are small enough to check on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

POINTS: dict[int, list[float]] = {
    1: [1.0, 0.0],
    2: [0.0, 1.0],
    3: [3.0, 4.0],
    4: [-4.0, 3.0],
    5: [1.0, 1.0],
    6: [2.0, -1.0],
}
#: Payloads of the six points.
PAYLOADS: dict[int, dict[str, Any]] = {
    1: {"color": "red", "n": 1},
    2: {"color": "red", "n": 2},
    3: {"color": "blue", "n": 3},
    4: {"color": "blue", "n": 4},
    5: {"color": "red", "n": 5},
    6: {"color": "green", "n": 6},
}
DISTANCES = list(models.Distance)


def six(client: QdrantClient, name: str, distance: models.Distance = models.Distance.DOT) -> str:
    """A collection of the six points in its default vector."""
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=distance))
    client.upsert(
        name,
        [models.PointStruct(id=i, vector=v, payload=PAYLOADS[i]) for i, v in POINTS.items()],
        wait=True,
    )
    return name


def pairs(points: Iterable[Any]) -> list[tuple[Any, float]]:
    """Ids and scores."""
    return [(p.id, p.score) for p in points]


def assert_ranked(points: Iterable[Any], expected: Sequence[tuple[Any, float]], tolerance: float = 1e-6) -> None:
    """The list has exactly the expected ids and scores; ids of equal expected score may come in any order."""
    got = pairs(points)
    assert len(got) == len(expected), (got, expected)
    for (_, score), (_, wanted) in zip(got, expected, strict=True):
        assert score == pytest.approx(wanted, rel=1e-5, abs=tolerance), (got, expected)
    table = dict(expected)
    assert {i for i, _ in got} == set(table), (got, expected)
    for point, score in got:
        assert score == pytest.approx(table[point], rel=1e-5, abs=tolerance), (got, expected)


def ids(points: Iterable[Any]) -> list[Any]:
    """Ids in order."""
    return [p.id for p in points]


def field(key: str, **operator: Any) -> models.Filter:
    """A filter of one field condition."""
    return models.Filter(must=[models.FieldCondition(key=key, **operator)])
