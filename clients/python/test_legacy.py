"""The legacy REST bodies, by plain HTTP: search, recommend, discover, their batch and groups forms and aliases."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from golden import PAYLOADS, POINTS


@pytest.fixture(scope="module")
def base(server: Any) -> str:
    """Two collections: `legacy` with the six points by Dot, `legacy_named` with named dense and sparse vectors."""
    points = [{"id": i, "vector": v, "payload": PAYLOADS[i]} for i, v in POINTS.items()]
    named = [
        {"id": i, "vector": {"a": v, "s": {"indices": [0, 1], "values": v}}, "payload": PAYLOADS[i]}
        for i, v in POINTS.items()
    ]
    dot = {"size": 2, "distance": "Dot"}
    with httpx.Client(base_url=server.url) as http:
        for name, config, rows in (
            ("legacy", {"vectors": dot}, points),
            ("legacy_named", {"vectors": {"a": dot}, "sparse_vectors": {"s": {}}}, named),
        ):
            http.put(f"/collections/{name}", json=config).raise_for_status()
            http.put(f"/collections/{name}/points?wait=true", json={"points": rows}).raise_for_status()
    return f"{server.url}/collections"


def ask(base: str, path: str, body: dict[str, Any]) -> Any:
    """The result of a POST that must succeed."""
    answer = httpx.post(f"{base}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def ranked(result: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    """Ids and scores."""
    return [(p["id"], pytest.approx(p["score"], abs=1e-6)) for p in result]


SEARCH = [(3, 3), (6, 2)]
RECOMMEND = [(6, 5), (3, 2), (5, 1), (4, -11)]


@pytest.mark.parametrize(
    "body",
    [
        {"vector": [1, 0], "limit": 2},
        {"vector": [1, 0], "top": 2},
        {"vector": [1.0, 0.0], "limit": 2, "params": {"exact": True, "hnsw_ef": 10}},
    ],
)
def test_search(base: str, body: dict[str, Any]) -> None:
    """A bare list, with `limit` or its alias `top`."""
    assert ranked(ask(base, "legacy/points/search", body)) == SEARCH


@pytest.mark.parametrize(
    "vector",
    [
        {"name": "a", "vector": [1, 0]},
        {"name": "s", "vector": {"indices": [0], "values": [1]}},
    ],
)
def test_search_named(base: str, vector: dict[str, Any]) -> None:
    """Named dense and named sparse vectors."""
    assert ranked(ask(base, "legacy_named/points/search", {"vector": vector, "limit": 2})) == SEARCH


def test_search_options(base: str) -> None:
    """Filter, offset, threshold, payload, and vectors under both of their names."""
    red = {"must": [{"key": "color", "match": {"value": "red"}}]}
    body = {"vector": [1, 0], "limit": 10, "filter": red, "score_threshold": 0.5}
    assert {p["id"] for p in ask(base, "legacy/points/search", body)} == {1, 5}
    found = ask(base, "legacy/points/search", {"vector": [1, 0], "limit": 1, "offset": 1, "with_payload": True})
    assert found[0]["id"] == 6 and found[0]["payload"] == PAYLOADS[6] and "version" in found[0]
    for key in ("with_vector", "with_vectors"):
        assert ask(base, "legacy/points/search", {"vector": [1, 0], "limit": 1, key: True})[0]["vector"] == [
            3,
            4,
        ]


def test_search_batch_and_groups(base: str) -> None:
    """One list per search; groups by a payload field."""
    searches = {"searches": [{"vector": [1, 0], "limit": 2}, {"vector": [0, 1], "top": 1}]}
    result = ask(base, "legacy/points/search/batch", searches)
    assert [ranked(r) for r in result] == [SEARCH, [(3, 4)]]
    assert ask(base, "legacy/points/search/batch", {"searches": []}) == []
    body = {"vector": [1, 0], "group_by": "color", "group_size": 1, "limit": 2}
    groups = ask(base, "legacy/points/search/groups", body)["groups"]
    assert [(g["id"], [h["id"] for h in g["hits"]]) for g in groups] == [("blue", [3]), ("green", [6])]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, RECOMMEND),
        ({"strategy": "average_vector"}, RECOMMEND),
        ({"strategy": "best_score"}, [(6, 5 / 6), (5, -0.75), (4, -0.875), (3, -0.9)]),
        ({"strategy": "sum_scores"}, [(6, 3), (5, 0), (3, -1), (4, -7)]),
        ({"score_threshold": 1.5}, RECOMMEND[:2]),
        ({"offset": 1}, RECOMMEND[1:]),
        ({"filter": {"must": {"key": "n", "range": {"gt": 4}}}}, [(6, 5), (5, 1)]),
    ],
)
def test_recommend(base: str, more: dict[str, Any], expected: Any) -> None:
    """`{"positive":[..],"negative":[..],"limit":10}`; the default strategy is the average."""
    body = {"positive": [1], "negative": [2], "limit": 10, **more}
    assert ranked(ask(base, "legacy/points/recommend", body)) == expected


def test_recommend_raw_and_negatives_only(base: str) -> None:
    """Raw vectors exclude nothing; only negatives work with the custom strategies."""
    body = {"positive": [[1, 0]], "negative": [[0, 1]], "strategy": "sum_scores", "limit": 3}
    assert ranked(ask(base, "legacy/points/recommend", body)) == [(6, 3), (1, 1), (5, 0)]
    body = {"negative": [2], "strategy": "best_score", "limit": 2}
    assert ranked(ask(base, "legacy/points/recommend", body)) == [(6, -0.25), (1, -0.5)]


def test_recommend_using_and_lookup(base: str) -> None:
    """`using` names the vector, sparse ones too; lookup_from reads the other collection's default vector."""
    body = {"positive": [1], "negative": [2], "limit": 10, "using": "a"}
    assert ranked(ask(base, "legacy_named/points/recommend", body)) == RECOMMEND
    body = {"positive": [1], "limit": 10, "using": "s"}
    assert ranked(ask(base, "legacy_named/points/recommend", body))[0] == (3, 3)
    body = {"positive": [1], "limit": 2, "using": "a", "lookup_from": {"collection": "legacy"}}
    assert ranked(ask(base, "legacy_named/points/recommend", body)) == SEARCH
    body = {"positive": [1], "limit": 10, "lookup_from": {"collection": "legacy_named", "vector": "a"}}
    assert 1 in [p["id"] for p in ask(base, "legacy/points/recommend", body)]


def test_recommend_batch_and_groups(base: str) -> None:
    """Batch and groups forms."""
    body = {"searches": [{"positive": [1], "negative": [2], "limit": 1}, {"positive": [2], "limit": 1}]}
    result = ask(base, "legacy/points/recommend/batch", body)
    assert [ranked(r) for r in result] == [[(6, 5)], [(3, 4)]]
    body = {"positive": [1], "negative": [2], "group_by": "color", "group_size": 2, "limit": 3}
    groups = ask(base, "legacy/points/recommend/groups", body)["groups"]
    assert [(g["id"], [h["id"] for h in g["hits"]]) for g in groups] == [
        ("green", [6]),
        ("blue", [3, 4]),
        ("red", [5]),
    ]


def test_discover(base: str) -> None:
    """`{"target":…,"context":[…]}`, target only, and context only."""
    pair = {"positive": 1, "negative": 2}
    found = ask(base, "legacy/points/discover", {"target": 5, "context": [pair], "limit": 10})
    assert ranked(found) == [(6, 1.75), (3, -0.0625), (4, -0.75)]
    found = ask(base, "legacy/points/discover", {"target": 5, "limit": 2})
    assert found[0]["id"] == 3 and found[0]["score"] == pytest.approx(0.9375)
    found = ask(base, "legacy/points/discover", {"context": [pair], "limit": 10})
    assert ranked(found) == [(6, 0), (5, 0), (3, -0.5), (4, -0.875)]
    raw = {"positive": [1, 0], "negative": [0, 1]}
    found = ask(base, "legacy/points/discover", {"target": [1, 1], "context": [raw], "top": 3})
    assert {p["id"] for p in found} == {1, 5, 6}


def test_discover_batch_and_using(base: str) -> None:
    """Batch, named vectors, and a lookup."""
    one = {"target": 5, "context": [{"positive": 1, "negative": 2}], "limit": 1, "using": "a"}
    result = ask(base, "legacy_named/points/discover/batch", {"searches": [one, one]})
    assert [ranked(r) for r in result] == [[(6, 1.75)], [(6, 1.75)]]
    away = {**one, "lookup_from": {"collection": "legacy"}, "limit": 10}
    assert 5 in [p["id"] for p in ask(base, "legacy_named/points/discover", away)]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("search", {"vector": [1, 0]}, 400, "limit"),
        ("search", {"vector": [1, 0], "limit": 0}, 422, "value 0 invalid, must be 1 or larger"),
        ("search", {"vector": [[1, 0]], "limit": 1}, 400, ""),
        ("recommend", {"positive": [1]}, 400, "limit"),
        (
            "recommend",
            {"negative": [2], "limit": 1},
            400,
            "At least one positive vector ID required with this strategy",
        ),
        (
            "recommend",
            {"limit": 1, "strategy": "best_score"},
            400,
            "At least one positive or negative vector ID required with this strategy",
        ),
        ("recommend", {"positive": [77], "limit": 1}, 404, "No point with id 77 found"),
        ("recommend", {"positive": [1], "strategy": "mean", "limit": 1}, 400, ""),
        ("discover", {"limit": 1}, 400, "target and/or context_pairs must be specified"),
        ("discover", {"target": 77, "limit": 1}, 404, "No point with id 77 found"),
        ("discover", {"target": 5}, 400, "limit"),
    ],
)
def test_errors(base: str, path: str, body: dict[str, Any], status: int, text: str) -> None:
    """The legacy texts."""
    answer = httpx.post(f"{base}/legacy/points/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert text in answer.json()["status"]["error"]


def test_legacy_and_query_agree_to_the_bit(base: str) -> None:
    """The same list from the old and the new endpoint."""
    old = ask(
        base,
        "legacy/points/recommend",
        {"positive": [1], "negative": [2], "strategy": "best_score", "limit": 10},
    )
    query = {"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}}
    new = ask(base, "legacy/points/query", {"query": query})["points"]
    assert [(p["id"], p["score"]) for p in old] == [(p["id"], p["score"]) for p in new]
