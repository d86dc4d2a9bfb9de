"""Points: reading, scrolling, counting, facets, the distance matrix, filters, and every way to write."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient, models

from golden import POINTS, field, ids, six

INTEGER, KEYWORD = models.PayloadSchemaType.INTEGER, models.PayloadSchemaType.KEYWORD
UUID = "0a6f4f3c-1c1e-4e1a-9b7d-3f0a5f2b7c11"


def one(client: QdrantClient, name: str, point: Any = 1) -> models.Record:
    """A single point with everything."""
    return client.retrieve(name, [point], with_payload=True, with_vectors=True)[0]


def bag(client: QdrantClient, name: str, payloads: list[dict[str, Any]]) -> str:
    """Points 1, 2, … with payloads and no vectors."""
    client.create_collection(name, vectors_config={})
    points = [models.PointStruct(id=i, vector={}, payload=p) for i, p in enumerate(payloads, 1)]
    client.upsert(name, points, wait=True)
    return name


# -- reading ---------------------------------------------------------------------------------------


def test_retrieve(client: QdrantClient, name: str) -> None:
    """Existing ids in the order asked for, payload by default, vectors on request."""
    six(client, name)
    found = client.retrieve(name, [5, 404, 2])
    assert ids(found) == [5, 2] and found[0].payload == {"color": "red", "n": 5} and found[0].vector is None
    assert one(client, name, 3).vector == [3.0, 4.0]


@pytest.mark.server_only("duplicate-ids of diff/explained.py")
def test_retrieve_collapses_duplicates(client: QdrantClient, name: str) -> None:
    """An id asked for twice comes once."""
    six(client, name)
    assert ids(client.retrieve(name, [5, 2, 5])) == [5, 2]


def test_ids_of_both_kinds(client: QdrantClient, name: str) -> None:
    """Numbers before UUIDs, u64::MAX included; a UUID in any spelling is the same point."""
    client.create_collection(name, vectors_config={})
    for point in (2**64 - 1, UUID.upper(), 3):
        client.upsert(name, [models.PointStruct(id=point, vector={}, payload={})], wait=True)
    assert ids(client.scroll(name)[0]) == [3, 2**64 - 1, UUID]
    assert ids(client.retrieve(name, [UUID.replace("-", "")])) == [UUID]


def test_cosine_vectors_come_back_normalised(client: QdrantClient, name: str) -> None:
    """Length one, except the zero vector."""
    six(client, name, models.Distance.COSINE)
    client.upsert(name, [models.PointStruct(id=9, vector=[0.0, 0.0])], wait=True)
    assert one(client, name, 3).vector == pytest.approx([0.6, 0.8])
    assert one(client, name, 9).vector == [0.0, 0.0]


def test_scroll_pages(client: QdrantClient, name: str) -> None:
    """By ascending id; the next page starts at the id that is returned."""
    six(client, name)
    seen, offset = [], None
    while True:
        page, offset = client.scroll(name, limit=4, offset=offset)
        seen.append(ids(page))
        if offset is None:
            break
    assert seen == [[1, 2, 3, 4], [5, 6]]
    assert ids(client.scroll(name, offset=4, scroll_filter=field("n", range=models.Range(lt=6)))[0]) == [4, 5]


def test_scroll_order_by(client: QdrantClient, name: str) -> None:
    """By value, once per value, with start_from included."""
    payloads: list[dict[str, Any]] = [{"n": 5}, {"n": [1, 9]}, {}, {"n": 3}]
    bag(client, name, payloads)
    client.create_payload_index(name, "n", INTEGER, wait=True)
    page, offset = client.scroll(name, order_by="n")
    assert [(r.order_value, r.id) for r in page] == [(1, 2), (3, 4), (5, 1), (9, 2)] and offset is None
    falling = models.OrderBy(key="n", direction=models.Direction.DESC, start_from=5)
    assert [(r.order_value, r.id) for r in client.scroll(name, order_by=falling)[0]] == [
        (5, 1),
        (3, 4),
        (1, 2),
    ]


def test_query_order_by_and_no_query(client: QdrantClient, name: str) -> None:
    """Both score 1.0; order_by carries its value, no query goes by id."""
    six(client, name)
    client.create_payload_index(name, "n", INTEGER, wait=True)
    found = client.query_points(name, query=models.OrderByQuery(order_by="n"), limit=2, offset=1).points
    assert [(p.id, p.score, p.order_value) for p in found] == [(2, 1.0, 2), (3, 1.0, 3)]
    found = client.query_points(name, limit=2, offset=3).points
    assert [(p.id, p.score) for p in found] == [(4, 1.0), (5, 1.0)]


@pytest.mark.server_only("order-by-arrays of diff/explained.py")
def test_query_order_by_arrays(client: QdrantClient, name: str) -> None:
    """A point with several values comes once per value, but not twice in a row."""
    bag(client, name, [{"n": [1, 2, 4]}, {"n": 3}])
    client.create_payload_index(name, "n", INTEGER, wait=True)
    found = client.query_points(name, query=models.OrderByQuery(order_by="n")).points
    assert ids(found) == [1, 2, 1]


def test_sample(client: QdrantClient, name: str) -> None:
    """Distinct points, all of them when the limit allows."""
    six(client, name)
    query = models.SampleQuery(sample=models.Sample.RANDOM)
    assert sorted(ids(client.query_points(name, query=query, limit=100).points)) == list(POINTS)
    few = client.query_points(name, query=query, limit=3).points
    assert len(set(ids(few))) == 3 and {p.score for p in few} == {1.0}
    seen = {tuple(sorted(ids(client.query_points(name, query=query, limit=2).points))) for _ in range(60)}
    assert len(seen) > 1, "sixty samples of two out of six are not all the same"


def test_count_and_facet(client: QdrantClient, name: str) -> None:
    """Exact counts; facets by count, then by value."""
    six(client, name)
    client.create_payload_index(name, "color", KEYWORD, wait=True)
    assert client.count(name).count == 6
    assert client.count(name, field("n", range=models.Range(gt=2)), exact=False).count >= 0
    assert client.count(name, field("n", range=models.Range(gt=2))).count == 4
    hits = client.facet(name, "color", exact=True).hits
    assert [(h.value, h.count) for h in hits] == [("red", 3), ("blue", 2), ("green", 1)]
    hits = client.facet(name, "color", facet_filter=field("n", range=models.Range(gt=4)), limit=1).hits
    assert [(h.value, h.count) for h in hits] == [("green", 1)]


def test_facet_types_and_arrays(client: QdrantClient, name: str) -> None:
    """Integers and booleans; an array counts each distinct value once."""
    bag(client, name, [{"a": [1, 1, 2], "b": True}, {"a": 2, "b": True}, {"b": False}])
    client.create_payload_index(name, "a", INTEGER, wait=True)
    client.create_payload_index(name, "b", models.PayloadSchemaType.BOOL, wait=True)
    assert [(h.value, h.count) for h in client.facet(name, "a", exact=True).hits] == [(2, 2), (1, 1)]
    assert [(h.value, h.count) for h in client.facet(name, "b", exact=True).hits] == [(True, 2), (False, 1)]


def test_distance_matrix(client: QdrantClient, name: str) -> None:
    """Both forms over the same three points; fewer than two give nothing."""
    six(client, name)
    only = field("n", range=models.Range(lte=3))
    found = client.search_matrix_pairs(name, query_filter=only, sample=10, limit=1).pairs
    assert [(p.a, p.b, p.score) for p in found] == [(1, 3, 3.0), (2, 3, 4.0), (3, 2, 4.0)]
    table = client.search_matrix_offsets(name, query_filter=only, sample=10, limit=1)
    assert (table.ids, table.offsets_row, table.offsets_col) == ([1, 2, 3], [0, 1, 2], [2, 2, 1])
    assert table.scores == [3.0, 4.0, 4.0]
    alone = field("n", range=models.Range(lte=1))
    assert client.search_matrix_pairs(name, query_filter=alone, sample=10, limit=1).pairs == []


def test_payload_selectors(client: QdrantClient, name: str) -> None:
    """Include and exclude by path, keeping the structure."""
    bag(client, name, [{"a": {"b": 1, "c": 2}, "l": [{"x": 1, "y": 2}], "k": 3}])
    include = client.retrieve(name, [1], with_payload=["a.b", "l[].x"])[0].payload
    assert include == {"a": {"b": 1}, "l": [{"x": 1}]}
    exclude = client.retrieve(name, [1], with_payload=models.PayloadSelectorExclude(exclude=["a.b", "l[].x"]))
    assert exclude[0].payload == {"a": {"c": 2}, "l": [{"y": 2}], "k": 3}


# -- filters ---------------------------------------------------------------------------------------

VALUES: list[dict[str, Any]] = [
    {"v": 1},
    {"v": 1.0},
    {"v": True},
    {"v": "Some art here"},
    {"v": ["a", None]},
    {"v": None},
    {"v": []},
    {},
    {"v": [3, 4]},
]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ({"match": models.MatchValue(value=1)}, [1]),
        ({"match": models.MatchValue(value=True)}, [3]),
        ({"match": models.MatchAny(any=["a"])}, [5]),
        ({"match": models.MatchAny(any=[])}, []),
        ({"match": models.MatchExcept(**{"except": [1]})}, [2, 3, 4, 5, 9]),
        ({"match": models.MatchExcept(**{"except": ["a"]})}, [1, 2, 3, 4, 9]),
        ({"range": models.Range(gte=1, lt=4)}, [1, 2, 9]),
        ({"values_count": models.ValuesCount(gte=2)}, [5, 9]),
        ({"values_count": models.ValuesCount(lt=1)}, [6, 7, 8]),
        ({"is_empty": True}, [6, 7, 8]),
        ({"is_null": True}, [5, 6]),
        ({"is_null": False}, [1, 2, 3, 4, 7, 8, 9]),
    ],
)
def test_field_operators(client: QdrantClient, name: str, operator: Any, expected: list[int]) -> None:
    """Each operator against every JSON type."""
    bag(client, name, VALUES)
    assert ids(client.scroll(name, field("v", **operator))[0]) == expected


@pytest.mark.server_only("text of diff/explained.py")
@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (models.MatchText(text="art"), [4]),
        (models.MatchText(text="me ar"), [4]),
        (models.MatchText(text="ART"), []),
        (models.MatchTextAny(text_any="zzz her"), [4]),
        (models.MatchPhrase(phrase="Some art"), [4]),
        (models.MatchPhrase(phrase="art Some"), []),
    ],
)
def test_text_without_an_index_is_substring(client: QdrantClient, name: str, match: Any, expected: Any) -> None:
    """Case-sensitive substrings, as wire.md 4.3 has it."""
    bag(client, name, VALUES)
    assert ids(client.scroll(name, field("v", match=match))[0]) == expected


ITEMS: list[dict[str, Any]] = [
    {"l": [{"a": 1, "b": 1}, {"a": 2, "b": 2}]},
    {"l": [{"a": 1, "b": 2}]},
    {"l": []},
    {},
]


def nested(**clauses: Any) -> models.Filter:
    """A nested filter over `l`."""
    inner = models.Nested(key="l", filter=models.Filter(**clauses))
    return models.Filter(must=[models.NestedCondition(nested=inner)])


def equals(key: str, value: int) -> models.FieldCondition:
    """A match."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def test_nested(client: QdrantClient, name: str) -> None:
    """All conditions on one and the same element."""
    bag(client, name, ITEMS)
    assert ids(client.scroll(name, nested(must=[equals("a", 1), equals("b", 2)]))[0]) == [2]
    assert ids(client.scroll(name, nested(must_not=[equals("a", 1)]))[0]) == [1]
    loose = models.Filter(must=[equals("l[].a", 1), equals("l[].b", 2)])
    assert ids(client.scroll(name, loose)[0]) == [1, 2]


@pytest.mark.server_only("empty-clauses of diff/explained.py")
def test_empty_clauses(client: QdrantClient, name: str) -> None:
    """Empty lists are absent, at the top and inside nested: only points with an element pass the latter."""
    bag(client, name, ITEMS)
    nothing_asked = models.Filter(
        must=[], should=[], must_not=[], min_should=models.MinShould(conditions=[], min_count=1)
    )
    assert client.count(name, nothing_asked).count == 4
    assert ids(client.scroll(name, nested(should=[]))[0]) == [1, 2]


@pytest.mark.server_only("several-operators of diff/explained.py")
def test_several_operators_are_alternatives(client: QdrantClient, name: str) -> None:
    """One condition with two operators passes when either does."""
    six(client, name)
    either = field("n", match=models.MatchValue(value=1), range=models.Range(gte=5))
    assert ids(client.scroll(name, either)[0]) == [1, 5, 6]


def test_clauses(client: QdrantClient, name: str) -> None:
    """should, min_should, must_not and a filter inside a filter."""
    six(client, name)
    small, large = models.Range(lte=2), models.Range(gte=5)
    conditions = [models.FieldCondition(key="n", range=r) for r in (small, large)]
    conditions.append(models.FieldCondition(key="color", match=models.MatchValue(value="red")))
    assert ids(client.scroll(name, models.Filter(should=conditions))[0]) == [1, 2, 5, 6]
    two = models.Filter(min_should=models.MinShould(conditions=conditions, min_count=2))
    assert ids(client.scroll(name, two)[0]) == [1, 2, 5]
    inner = models.Filter(must_not=[two, models.HasIdCondition(has_id=[3])])
    assert ids(client.scroll(name, inner)[0]) == [4, 6]
    three = models.Filter(min_should=models.MinShould(conditions=conditions, min_count=4))
    assert client.count(name, three).count == 0


def test_has_vector(client: QdrantClient, name: str) -> None:
    """The default vector is called by the empty name."""
    six(client, name)
    client.upsert(name, [models.PointStruct(id=8, vector={}, payload={})], wait=True)
    without = models.Filter(must_not=[models.HasVectorCondition(has_vector="")])
    assert ids(client.scroll(name, without)[0]) == [8]
    unknown = models.Filter(must=[models.HasVectorCondition(has_vector="nope")])
    assert client.count(name, unknown).count == 0


# -- writing ---------------------------------------------------------------------------------------


def test_upsert_replaces_the_whole_point(client: QdrantClient, name: str) -> None:
    """Vectors and payload that are not mentioned are gone; the last of two equal ids wins."""
    config = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection(name, vectors_config={"a": config, "b": config})
    client.upsert(name, [models.PointStruct(id=1, vector={"a": [1.0], "b": [2.0]}, payload={"x": 1})], wait=True)
    again = [models.PointStruct(id=1, vector={"a": [v]}, payload={}) for v in (3.0, 4.0)]
    result = client.upsert(name, again, wait=True)
    assert result.status == models.UpdateStatus.COMPLETED
    assert (one(client, name).vector, one(client, name).payload) == ({"a": [4.0]}, {})


@pytest.mark.server_only("memory completes everything at once")
def test_wait_false_is_acknowledged(client: QdrantClient, name: str) -> None:
    """Acknowledged at once; a later wait=true write comes after it."""
    six(client, name)
    later = client.upsert(name, [models.PointStruct(id=7, vector=[1.0, 2.0])], wait=False)
    assert later.status == models.UpdateStatus.ACKNOWLEDGED
    client.set_payload(name, {"x": 1}, points=[7], wait=True)
    assert one(client, name, 7).payload == {"x": 1}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (None, {1: "new", 9: "new"}),
        ("upsert", {1: "new", 9: "new"}),
        ("update_only", {1: "new"}),
        ("insert_only", {1: None, 9: "new"}),
    ],
)
def test_update_modes(client: QdrantClient, name: str, mode: Any, expected: dict[int, Any]) -> None:
    """upsert, only what exists, only what does not."""
    six(client, name)
    points = [models.PointStruct(id=i, vector=[0.0, 0.0], payload={"x": "new"}) for i in (1, 9)]
    client.upsert(name, points, update_mode=mode and models.UpdateMode(mode), wait=True)
    found = client.retrieve(name, [1, 9])
    assert {r.id: (r.payload or {}).get("x") for r in found} == expected


def test_conditional_updates(client: QdrantClient, name: str) -> None:
    """The filter looks at the stored point; unknown ids are inserted all the same."""
    six(client, name)
    red = field("color", match=models.MatchValue(value="red"))
    points = [models.PointStruct(id=i, vector=[0.0, 0.0], payload={"x": 1}) for i in (1, 3, 9)]
    client.upsert(name, points, update_filter=red, wait=True)
    assert [i for i in (1, 3, 9) if one(client, name, i).payload == {"x": 1}] == [1, 9]
    vectors = [models.PointVectors(id=i, vector=[7.0, 7.0]) for i in (5, 6)]
    client.update_vectors(name, vectors, update_filter=red)
    assert [one(client, name, i).vector for i in (5, 6)] == [[7.0, 7.0], [2.0, -1.0]]


def test_vector_updates(client: QdrantClient, name: str) -> None:
    """Only the named vectors change; deleting one leaves the others."""
    config = models.VectorParams(size=1, distance=models.Distance.DOT)
    sparse = {"s": models.SparseVectorParams()}
    client.create_collection(name, vectors_config={"a": config, "b": config}, sparse_vectors_config=sparse)
    client.upsert(name, [models.PointStruct(id=1, vector={"a": [1.0], "b": [2.0]}, payload={"k": 1})], wait=True)
    unsorted = models.SparseVector(indices=[9, 2], values=[1.0, 3.0])
    client.update_vectors(name, [models.PointVectors(id=1, vector={"b": [5.0], "s": unsorted})], wait=True)
    expected = {"a": [1.0], "b": [5.0], "s": models.SparseVector(indices=[2, 9], values=[3.0, 1.0])}
    assert one(client, name).vector == expected
    client.delete_vectors(name, ["a", "s"], points=[1], wait=True)
    assert (one(client, name).vector, one(client, name).payload) == ({"b": [5.0]}, {"k": 1})
    assert client.query_points(name, query=[1.0], using="a").points == []


def test_payload_updates(client: QdrantClient, name: str) -> None:
    """Set merges, null deletes, a key goes deeper, overwrite replaces, delete and clear remove."""
    bag(client, name, [{"a": 1, "b": {"c": 2}}, {"a": 5}])
    client.set_payload(name, {"a": None, "z": [1]}, points=[1], wait=True)
    assert one(client, name).payload == {"b": {"c": 2}, "z": [1]}
    client.set_payload(name, {"d": 3}, points=[1], key="b", wait=True)
    client.set_payload(name, {"q": 1}, points=[1], key="new.deep", wait=True)
    assert one(client, name).payload == {"b": {"c": 2, "d": 3}, "z": [1], "new": {"deep": {"q": 1}}}
    client.delete_payload(name, ["b.c", "z", "nowhere"], points=[1], wait=True)
    assert one(client, name).payload == {"b": {"d": 3}, "new": {"deep": {"q": 1}}}
    client.set_payload(name, {"by": "filter"}, points=field("a", match=models.MatchValue(value=5)), wait=True)
    assert one(client, name, 2).payload == {"a": 5, "by": "filter"}
    client.overwrite_payload(name, {"only": 1}, points=[2], wait=True)
    assert one(client, name, 2).payload == {"only": 1}
    client.clear_payload(name, points_selector=[1], wait=True)
    assert one(client, name).payload == {}


def test_delete(client: QdrantClient, name: str) -> None:
    """By ids, unknown ones included, and by filter."""
    six(client, name)
    client.delete(name, [1, 404], wait=True)
    client.delete(name, field("color", match=models.MatchValue(value="blue")), wait=True)
    assert ids(client.scroll(name)[0]) == [2, 5, 6]
    assert set(ids(client.query_points(name, query=[1.0, 0.0]).points)) == {2, 5, 6}


def test_ids_win_over_a_filter(client: QdrantClient, http: httpx.Client, name: str) -> None:
    """A selector with both is read as its first form: the ids."""
    six(client, name)
    points = f"/collections/{name}/points"
    both = {"points": [1], "filter": {"must": {"key": "color", "match": {"value": "blue"}}}}
    for method, path, more in (
        ("POST", "/payload", {"payload": {"set": 1}}),
        ("POST", "/payload/delete", {"keys": ["color"]}),
        ("PUT", "/payload", {"payload": {"only": 1}}),
        ("POST", "/payload/clear", {}),
        ("POST", "/delete", {}),
    ):
        answer = http.request(method, f"{points}{path}?wait=true", json={**both, **more})
        assert answer.status_code == 200, answer.text
    assert ids(client.scroll(name)[0]) == [2, 3, 4, 5, 6]
    assert one(client, name, 3).payload == {"color": "blue", "n": 3}


def test_batch_updates(client: QdrantClient, name: str) -> None:
    """In order, each seeing the one before."""
    six(client, name)
    operations: list[Any] = [
        models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=7, vector=[1.0, 1.0])])),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"x": 1, "y": 2}, points=[7, 1])),
        models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["y"], points=[7])),
        models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload={"o": 1}, points=[2])),
        models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[3])),
        models.UpdateVectorsOperation(
            update_vectors=models.UpdateVectors(points=[models.PointVectors(id=4, vector=[9.0, 9.0])])
        ),
        models.DeleteVectorsOperation(delete_vectors=models.DeleteVectors(vector=[""], points=[5])),
        models.DeleteOperation(delete=models.PointIdsList(points=[6])),
    ]
    assert len(client.batch_update_points(name, operations, wait=True)) == len(operations)
    found = {r.id: r for r in client.scroll(name, with_vectors=True)[0]}
    assert set(found) == {1, 2, 3, 4, 5, 7}
    assert found[7].payload == {"x": 1} and (found[1].payload or {})["y"] == 2
    assert found[2].payload == {"o": 1} and found[3].payload == {}
    assert found[4].vector == [9.0, 9.0] and found[5].vector == {}


def test_upload_helpers(client: QdrantClient, name: str) -> None:
    """The client's bulk helpers, which use batches of their own."""
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    points = [models.PointStruct(id=i, vector=[float(i), 1.0], payload={"i": i}) for i in range(500)]
    client.upload_points(name, points, batch_size=64, wait=True)
    client.upload_collection(name, [[1.0, 2.0]] * 50, ids=range(1000, 1050), payload=[{"k": 1}] * 50, wait=True)
    assert client.count(name).count == 550
