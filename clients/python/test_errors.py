"""Every row of wire.md section 6 that concerns collections, points and queries: status and text, by plain HTTP.

Exact texts are compared exactly, others by what they must contain. Strict-mode limits, snapshots and rate limits
are other issues' rows.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from golden import PAYLOADS, POINTS
from tables.collections import COLLECTIONS, DENSE
from tables.queries import QUERIES
from tables.rest import FILTERS, FORMULAS, POINT_ROWS, VECTOR_ROWS
from tables.shared import NEAREST, V4, Row

TABLES = {
    "query": QUERIES,
    "formula": FORMULAS,
    "filter": FILTERS,
    "vectors": VECTOR_ROWS,
    "points": POINT_ROWS,
    "collections": COLLECTIONS,
}
ROWS = [pytest.param(row, id=f"{table}: {row.name}") for table, rows in TABLES.items() for row in rows]


@pytest.fixture(scope="module")
def base(server: Any) -> str:
    """The collections that the rows speak of."""
    plane = [{"id": i, "vector": v, "payload": PAYLOADS[i]} for i, v in POINTS.items()]
    two = {"size": 2, "distance": "Dot"}
    payload = {"n": 1, "color": "red"}
    collections: list[tuple[str, Any, list[Any]]] = [
        ("errors", {"vectors": DENSE}, [{"id": i, "vector": V4, "payload": payload} for i in (1, 2)]),
        ("errors_other", {"vectors": two}, plane),
        (
            "errors_named",
            {"vectors": {"a": two, "b": two}, "sparse_vectors": {"s": {}, "t": {}}},
            [{"id": 1, "vector": {"a": [1, 2], "b": [1, 2]}}, {"id": 2, "vector": {"a": [1, 2]}}],
        ),
        ("errors_multi", {"vectors": {"m": {**two, "multivector_config": {"comparator": "max_sim"}}}}, []),
    ]
    alias = {"create_alias": {"collection_name": "errors", "alias_name": "errors_alias"}}
    with httpx.Client(base_url=f"{server.url}/collections") as http:
        for name, config, points in collections:
            http.put(f"/{name}", json=config).raise_for_status()
            if points:
                http.put(f"/{name}/points?wait=true", json={"points": points}).raise_for_status()
        http.post("/aliases", json={"actions": [alias]}).raise_for_status()
    return f"{server.url}/collections"


@pytest.mark.parametrize("row", ROWS)
def test_row(base: str, row: Row) -> None:
    """Status, envelope and text of one row."""
    answer = httpx.request(row.method, f"{base}{row.path}", json=row.body)
    allowed = row.status if isinstance(row.status, tuple) else (row.status,)
    assert answer.status_code in allowed, answer.text
    if answer.status_code == 404 and not answer.content:
        return
    body = answer.json()
    assert "result" not in body and isinstance(body["time"], float), body
    text = body["status"]["error"]
    if row.exact is not None:
        assert text == row.exact
    for part in row.has:
        assert part in text


def test_nothing_was_changed(base: str) -> None:
    """After all refusals the collections hold what they held."""
    count = httpx.post(f"{base}/errors/points/count", json={"exact": True}).json()["result"]["count"]
    assert count == 2
    names = {c["name"] for c in httpx.get(base).json()["result"]["collections"]}
    assert "fresh" not in names
    point = httpx.get(f"{base}/errors/points/1").json()["result"]
    assert point["payload"] == {"n": 1, "color": "red"}


def test_first_failure_fails_the_batch(base: str) -> None:
    """A batch has one outcome."""
    searches = {"searches": [NEAREST, {"query": 3}]}
    answer = httpx.post(f"{base}/errors/points/query/batch", json=searches)
    assert answer.status_code == 404 and "No point with id 3 found" in answer.json()["status"]["error"]


def test_null_is_absent_and_unknown_keys_are_ignored(base: str) -> None:
    """Optional keys may be null; keys that we do not know do no harm outside of filters."""
    body = {
        "query": V4,
        "limit": None,
        "filter": None,
        "prefetch": None,
        "with_payload": None,
        "colour": "red",
    }
    answer = httpx.post(f"{base}/errors/points/query", json=body)
    assert answer.status_code == 200 and len(answer.json()["result"]["points"]) == 2
