"""Collections: creation, information, changes, aliases, payload indexes, named vectors; and the service routes."""

from __future__ import annotations

import httpx
import pytest
from qdrant_client import QdrantClient, models

from golden import ids, six

DOT = models.Distance.DOT


def test_create_exists_delete(client: QdrantClient, name: str) -> None:
    """The life of a collection."""
    assert not client.collection_exists(name)
    assert client.create_collection(name, vectors_config=models.VectorParams(size=4, distance=DOT))
    assert client.collection_exists(name)
    assert name in [c.name for c in client.get_collections().collections]
    assert client.delete_collection(name)
    assert not client.collection_exists(name)
    assert client.delete_collection(name) is False


def test_recreated_collection_is_empty(client: QdrantClient, name: str) -> None:
    """Nothing of the deleted collection comes back."""
    six(client, name)
    client.delete_collection(name)
    client.create_collection(name, vectors_config=models.VectorParams(size=3, distance=DOT))
    assert client.count(name).count == 0


@pytest.mark.server_only("memory reports neither indexes nor defaults")
def test_info(client: QdrantClient, name: str) -> None:
    """Counts, configuration with its defaults, and the payload schema with its counts."""
    six(client, name)
    client.create_payload_index(name, "color", models.PayloadSchemaType.KEYWORD, wait=True)
    info = client.get_collection(name)
    assert info.status == models.CollectionStatus.GREEN
    assert info.optimizer_status == models.OptimizersStatusOneOf.OK
    assert info.points_count == 6 and info.segments_count is not None
    params = info.config.params
    assert isinstance(params.vectors, models.VectorParams)
    assert (params.vectors.size, params.vectors.distance) == (2, DOT)
    assert (params.shard_number, params.replication_factor, params.write_consistency_factor) == (1, 1, 1)
    assert (info.config.hnsw_config.m, info.config.hnsw_config.ef_construct) == (16, 100)
    assert info.config.wal_config is not None and info.config.wal_config.wal_capacity_mb == 32
    schema = info.payload_schema["color"]
    assert (schema.data_type, schema.points) == (models.PayloadSchemaType.KEYWORD, 6)


def test_info_omits_what_was_never_set(http: httpx.Client, name: str) -> None:
    """Unset optional keys are absent, not null (wire.md 5.6)."""
    http.put(f"/collections/{name}", json={"vectors": {"size": 4, "distance": "Cosine"}}).raise_for_status()
    config = http.get(f"/collections/{name}").json()["result"]["config"]
    assert config["params"]["vectors"] == {"size": 4, "distance": "Cosine"}
    for key in ("sparse_vectors", "sharding_method"):
        assert key not in config["params"]
    assert "strict_mode_config" not in config and "metadata" not in config
    assert config["hnsw_config"]["m"] == 16 and "payload_m" not in config["hnsw_config"]
    assert config["optimizer_config"]["indexing_threshold"] == 10000


def test_configuration_is_echoed(http: httpx.Client, name: str) -> None:
    """Every accepted setting comes back as it was given."""
    vectors = {
        "d": {
            "size": 4,
            "distance": "Dot",
            "datatype": "float16",
            "on_disk": True,
            "hnsw_config": {"m": 8},
            "quantization_config": {"scalar": {"type": "int8", "always_ram": True}},
        },
        "m": {"size": 3, "distance": "Euclid", "multivector_config": {"comparator": "max_sim"}},
    }
    body = {
        "vectors": vectors,
        "sparse_vectors": {"s": {"modifier": "idf"}},
        "hnsw_config": {"m": 24, "ef_construct": 50},
        "optimizers_config": {"indexing_threshold": 5000},
        "strict_mode_config": {"enabled": False, "max_query_limit": 15},
        "metadata": {"owner": "tests"},
        "on_disk_payload": True,
    }
    http.put(f"/collections/{name}", json=body).raise_for_status()
    config = http.get(f"/collections/{name}").json()["result"]["config"]
    assert config["params"]["vectors"] == vectors
    assert config["params"]["sparse_vectors"] == {"s": {"modifier": "idf"}}
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (24, 50)
    assert config["optimizer_config"]["indexing_threshold"] == 5000
    assert config["strict_mode_config"]["max_query_limit"] == 15
    assert config["metadata"] == {"owner": "tests"} and config["params"]["on_disk_payload"] is True


def test_update_collection(http: httpx.Client, name: str) -> None:
    """PATCH changes what it names; metadata merges by key and null deletes."""
    body = {"vectors": {"size": 2, "distance": "Dot"}, "metadata": {"a": 1, "b": 2}}
    http.put(f"/collections/{name}", json=body).raise_for_status()
    change = {
        "hnsw_config": {"m": 32},
        "optimizers_config": {"indexing_threshold": 777},
        "vectors": {"": {"on_disk": True}},
        "metadata": {"a": None, "c": 3},
    }
    answer = http.patch(f"/collections/{name}", json=change)
    assert answer.json()["result"] is True
    config = http.get(f"/collections/{name}").json()["result"]["config"]
    assert config["hnsw_config"]["m"] == 32 and config["hnsw_config"]["ef_construct"] == 100
    assert config["optimizer_config"]["indexing_threshold"] == 777
    assert config["params"]["vectors"]["on_disk"] is True
    assert config["metadata"] == {"b": 2, "c": 3}


def create_alias(collection: str, alias: str) -> models.CreateAliasOperation:
    """The operation."""
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))


def test_aliases(client: QdrantClient, name: str) -> None:
    """An alias reads and writes like its collection; it can be moved, renamed, and goes with its collection."""
    six(client, name)
    other = f"{name}_b"
    client.create_collection(other, vectors_config=models.VectorParams(size=2, distance=DOT))
    alias, renamed = f"{name}_alias", f"{name}_renamed"
    assert client.update_collection_aliases([create_alias(name, alias)])
    assert client.collection_exists(alias) and client.count(alias).count == 6
    client.upsert(alias, [models.PointStruct(id=9, vector=[0.0, 9.0])], wait=True)
    assert ids(client.query_points(name, query=[0.0, 1.0], limit=1).points) == [9]
    rename = models.RenameAlias(old_alias_name=alias, new_alias_name=renamed)
    operations = [models.RenameAliasOperation(rename_alias=rename), create_alias(other, alias)]
    assert client.update_collection_aliases(operations)
    assert client.count(renamed).count == 7 and client.count(alias).count == 0
    assert [a.alias_name for a in client.get_collection_aliases(name).aliases] == [renamed]
    every = {(a.alias_name, a.collection_name) for a in client.get_aliases().aliases}
    assert {(renamed, name), (alias, other)} <= every
    drop = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=renamed))
    client.update_collection_aliases([drop, drop])
    client.delete_collection(other)
    assert not client.collection_exists(alias)


def test_alias_as_lookup_is_another_collection(client: QdrantClient, name: str) -> None:
    """lookup_from compares names as written: through an alias nothing is left out."""
    six(client, name)
    client.update_collection_aliases([create_alias(name, f"{name}_alias")])
    place = models.LookupLocation(collection=f"{name}_alias")
    assert 3 in ids(client.query_points(name, query=3, lookup_from=place).points)
    same = models.LookupLocation(collection=name)
    assert 3 not in ids(client.query_points(name, query=3, lookup_from=same).points)


@pytest.mark.server_only("memory has no payload indexes")
def test_payload_indexes(client: QdrantClient, name: str) -> None:
    """Every type without text; parameters are kept, a count says how many points have a value."""
    six(client, name)
    kinds = models.PayloadSchemaType
    schemas: dict[str, object] = {
        "n": kinds.INTEGER,
        "f": kinds.FLOAT,
        "color": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        "b": kinds.BOOL,
        "g": kinds.GEO,
        "d": kinds.DATETIME,
        "u": kinds.UUID,
        "l": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=False),
    }
    for key, schema in schemas.items():
        client.create_payload_index(name, key, schema, wait=True)
        client.create_payload_index(name, key, schema, wait=True)
    shown = client.get_collection(name).payload_schema
    assert set(shown) == set(schemas)
    assert shown["n"].points == 6 and shown["f"].points == 0
    assert shown["color"].params is not None and shown["color"].params.is_tenant is True
    client.delete_payload_index(name, "n", wait=True)
    client.delete_payload_index(name, "n", wait=True)
    assert "n" not in client.get_collection(name).payload_schema


def test_index_does_not_change_answers(client: QdrantClient, name: str) -> None:
    """A filter finds the same points before and after."""
    six(client, name)
    blue = models.Filter(must=[models.FieldCondition(key="color", match=models.MatchValue(value="blue"))])
    before = ids(client.scroll(name, blue)[0])
    client.create_payload_index(name, "color", models.PayloadSchemaType.KEYWORD, wait=True)
    assert ids(client.scroll(name, blue)[0]) == before == [3, 4]


def test_named_vectors_come_and_go(client: QdrantClient, name: str) -> None:
    """A vector name added later, filled, and dropped."""
    config = models.VectorParams(size=1, distance=DOT)
    client.create_collection(name, vectors_config={"a": config})
    client.upsert(name, [models.PointStruct(id=1, vector={"a": [1.0]})], wait=True)
    dense = models.DenseVectorConfig(size=2, distance=DOT)
    client.create_vector_name(name, "b", models.DenseVectorNameConfig(dense=dense))
    client.create_vector_name(name, "s", models.SparseVectorNameConfig(sparse=models.SparseVectorConfig()))
    client.update_vectors(name, [models.PointVectors(id=1, vector={"b": [1.0, 2.0]})])
    assert ids(client.query_points(name, query=[1.0, 1.0], using="b").points) == [1]
    client.delete_vector_name(name, "b")
    assert client.retrieve(name, [1], with_vectors=True)[0].vector == {"a": [1.0]}
    with pytest.raises(Exception, match="b"):
        client.query_points(name, query=[1.0, 1.0], using="b")


# -- service ---------------------------------------------------------------------------------------


def test_root(http: httpx.Client) -> None:
    """Not enveloped; the version is what the client checks, the title is our own."""
    body = http.get("/").json()
    assert body["version"] == "1.19.2" and "qdrant" not in body["title"].lower()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(http: httpx.Client, path: str) -> None:
    """Plain text for probes."""
    answer = http.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    expected = "all shards are ready" if path == "/readyz" else "healthz check passed"
    assert answer.text.strip() == expected


def test_envelope(http: httpx.Client, name: str) -> None:
    """Result, status and time on success; no result on error."""
    good = http.get("/collections").json()
    assert good["status"] == "ok" and isinstance(good["time"], float) and "collections" in good["result"]
    bad = http.get(f"/collections/{name}")
    assert bad.status_code == 404 and "result" not in bad.json() and "error" in bad.json()["status"]
    assert bad.headers["content-type"].startswith("application/json")


def test_openapi_and_unknown_routes(http: httpx.Client) -> None:
    """The route table describes itself; anything else is a 404."""
    paths = http.get("/openapi.json").json()["paths"]
    assert "/collections/{collection_name}/points/query" in paths
    assert http.get("/no/such/route").status_code == 404
    assert http.get("//collections/").status_code == 200


def test_metrics(client: QdrantClient, http: httpx.Client, name: str) -> None:
    """The lines that existing dashboards select on."""
    client.create_collection(name, vectors_config={})
    lines = http.get("/metrics").text.splitlines()
    about = lines.index("# HELP app_info information about qdrant server")
    assert lines[about + 1 : about + 3] == [
        "# TYPE app_info gauge",
        'app_info{name="qdrant",version="1.19.2"} 1',
    ]
    assert f'collection_points{{id="{name}"}} 0' in lines
    for family in ("collections_total ", "rest_responses_total{", "rest_responses_avg_duration_seconds{"):
        assert any(line.startswith(family) for line in lines), family


def test_cluster_is_disabled(client: QdrantClient, http: httpx.Client) -> None:
    """A single node says so."""
    assert http.get("/cluster").json()["result"] == {"status": "disabled"}
