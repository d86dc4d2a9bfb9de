"""Hostile input: absurd sizes, depth, numbers, bodies and names.

Each request must be answered with a 4xx (or 200 where its meaning is defined, as for a huge limit) within a
second, with the process alive. After all of them the process has not grown by more than 64 MiB.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from server import Server

U64 = 2**64 - 1
DEPTH = 10_000
WITHIN = 1.0
GROWTH_KB = 64 * 1024
V = [0.1, 0.2]
C = "/collections/hostile"
QUERY = f"{C}/points/query"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, whose memory nobody else uses, with a small collection. Judged as a whole at the end."""
    running = Server(tmp_path_factory.mktemp("hostile") / "storage")
    config = {"vectors": {"": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"s": {}}}
    sparse = {"indices": [1, 2], "values": [1.0, 2.0]}
    points = [
        {"id": i, "vector": {"": [i, 1], "s": sparse}, "payload": {"n": i, "k": "ab"[i % 2]}} for i in range(1, 51)
    ]
    with httpx.Client(base_url=running.url, timeout=10) as http:
        http.put(C, json=config).raise_for_status()
        for key, schema in (("n", "integer"), ("k", "keyword")):
            http.put(f"{C}/index?wait=true", json={"field_name": key, "field_schema": schema}).raise_for_status()
        for _ in range(20):  # buffers and thread pools reach their usual size before the first measurement
            http.put(f"{C}/points?wait=true", json={"points": points}).raise_for_status()
            http.post(QUERY, json={"query": V}).raise_for_status()
    before = running.rss_kb()
    yield running
    running.check_alive()
    count = httpx.post(f"{running.url}{C}/points/count", json={}).json()["result"]["count"]
    growth = running.rss_kb() - before
    running.kill()
    assert count == 50, "hostile requests changed the collection"
    assert growth < GROWTH_KB, f"memory grew by {growth} KiB"


def send(target: Server, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """One request, timed. `body` is JSON-able, or the raw text to send."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    start = time.monotonic()
    answer = httpx.request(
        method,
        target.url + path,
        content=content,
        headers={"content-type": "application/json", **(headers or {})},
        timeout=20,
    )
    taken = time.monotonic() - start
    target.check_alive()
    assert taken < WITHIN, f"{taken:.2f} s for {method} {path}"
    return answer


def refused(answer: httpx.Response) -> None:
    """A 4xx with an error of the usual shape."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


def tolerated(answer: httpx.Response) -> None:
    """A 4xx, or an answer."""
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])


PREFETCH = {"prefetch": [{"query": V, "limit": U64}, {"limit": U64}]}
PAIR = {"positive": 1, "negative": 2}
NAIVE = {"naive": {"a": 1, "b": 1, "c": 1}}
#: Every query kind, without its limit.
KINDS: dict[str, dict[str, Any]] = {
    "no query": {},
    "nearest": {"query": V},
    "by id": {"query": 1},
    "sparse": {"query": {"indices": [1], "values": [1]}, "using": "s"},
    "mmr": {"query": {"nearest": V, "mmr": {"diversity": 0.5}}},
    "average": {"query": {"recommend": {"positive": [1], "negative": [2]}}},
    "best_score": {"query": {"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}}},
    "sum_scores": {"query": {"recommend": {"negative": [2], "strategy": "sum_scores"}}},
    "discover": {"query": {"discover": {"target": 1, "context": [PAIR]}}},
    "context": {"query": {"context": [PAIR]}},
    "feedback": {
        "query": {"relevance_feedback": {"target": 1, "feedback": [{"example": 2, "score": 1}], "strategy": NAIVE}}
    },
    "order_by": {"query": {"order_by": "n"}},
    "sample": {"query": {"sample": "random"}},
    "rrf": {**PREFETCH, "query": {"fusion": "rrf"}},
    "rrf with k": {**PREFETCH, "query": {"rrf": {"k": U64}}},
    "dbsf": {**PREFETCH, "query": {"fusion": "dbsf"}},
    "formula": {**PREFETCH, "query": {"formula": {"sum": ["$score", 1]}}},
    "rescore": {**PREFETCH, "query": V},
}


@pytest.mark.parametrize("kind", KINDS)
def test_largest_limit_and_offset(target: Server, kind: str) -> None:
    """A huge limit returns what exists, a huge offset nothing, both together do not overflow."""
    body = KINDS[kind]
    for window, most in (({"limit": U64}, 50), ({"offset": U64}, 0), ({"limit": U64, "offset": U64}, 0)):
        answer = send(target, "POST", QUERY, {**body, **window})
        tolerated(answer)
        if answer.status_code == 200:
            found = len(answer.json()["result"]["points"])
            assert found <= most and (most == 0 or found > 0), (window, found)


SIZES: list[tuple[str, str, Any]] = [
    ("POST", f"{QUERY}/groups", {"query": V, "group_by": "k", "limit": U64, "group_size": U64}),
    ("POST", f"{QUERY}/groups", {"query": V, "group_by": "k", "limit": 1, "group_size": U64}),
    ("POST", f"{C}/points/search", {"vector": V, "limit": U64, "offset": U64}),
    ("POST", f"{C}/points/search/groups", {"vector": V, "group_by": "k", "limit": U64, "group_size": U64}),
    ("POST", f"{C}/points/recommend", {"positive": [1], "limit": U64, "offset": U64}),
    ("POST", f"{C}/points/discover", {"target": 1, "limit": U64, "offset": U64}),
    ("POST", f"{C}/points/scroll", {"limit": U64}),
    ("POST", f"{C}/points/scroll", {"limit": U64, "offset": U64}),
    ("POST", f"{C}/points/scroll", {"limit": U64, "order_by": "n"}),
    ("POST", f"{C}/facet", {"key": "k", "limit": U64}),
    ("POST", f"{C}/points/search/matrix/pairs", {"sample": U64, "limit": U64}),
    ("POST", f"{C}/points/search/matrix/offsets", {"sample": U64, "limit": U64}),
    ("POST", QUERY, {"query": {"nearest": V, "mmr": {"candidates_limit": U64}}}),
    ("POST", QUERY, {"query": V, "params": {"hnsw_ef": U64}}),
    ("POST", QUERY, {"query": V, "params": {"quantization": {"oversampling": 1e308}}}),
    ("POST", f"{QUERY}?timeout={U64}", {"query": V}),
    ("POST", QUERY, {"filter": {"min_should": {"conditions": [{"has_id": [1]}], "min_count": U64}}}),
    ("POST", QUERY, {"filter": {"must": {"key": "n", "values_count": {"gt": U64}}}}),
    ("POST", QUERY, {"filter": {"must": {"key": f"n[{U64}]", "match": {"value": 1}}}}),
    ("POST", QUERY, {"filter": {"must": {"key": "n", "range": {"gt": -1e308, "lt": 1e308}}}}),
    ("POST", QUERY, {"query": {"indices": [2**32 - 1], "values": [1]}, "using": "s"}),
    ("POST", f"{C}/points", {"ids": [U64]}),
    ("PUT", "/collections/huge1", {"vectors": {"size": U64, "distance": "Dot"}}),
    ("PUT", "/collections/huge2", {"vectors": {"size": 2, "distance": "Dot"}, "shard_number": U64}),
]


@pytest.mark.parametrize(("method", "path", "body"), SIZES, ids=lambda v: str(v)[:60])
def test_largest_sizes(target: Server, method: str, path: str, body: Any) -> None:
    """Every other number at u64::MAX."""
    tolerated(send(target, method, path, body))


@pytest.mark.parametrize("value", [U64 + 1, 10**30, -1, 1.5, "10", True, [1], "1e999"])
def test_limits_that_are_no_numbers(target: Server, value: Any) -> None:
    """Beyond u64, negative, fractional, or of another type."""
    text = json.dumps({"query": V, "limit": value}).replace('"1e999"', "1e999")
    refused(send(target, "POST", QUERY, text))


def deep(opening: str, core: str, closing: str) -> str:
    """`core` wrapped ten thousand times."""
    return opening * DEPTH + core + closing * DEPTH


NESTINGS: dict[str, tuple[str, str, str]] = {
    "filter": ("POST", f"{C}/points/scroll", '{"filter":' + deep('{"must":[', "", "]}") + "}"),
    "single conditions": ("POST", f"{C}/points/scroll", '{"filter":' + deep('{"must":', "{}", "}") + "}"),
    "nested": (
        "POST",
        f"{C}/points/count",
        '{"filter":{"must":' + deep('{"nested":{"key":"a","filter":{"must":', "[]", "}}}") + "}}",
    ),
    "formula": ("POST", QUERY, '{"prefetch":{},"query":{"formula":' + deep('{"neg":', "1", "}") + "}}"),
    "formula sums": ("POST", QUERY, '{"prefetch":{},"query":{"formula":' + deep('{"sum":[', "1", "]}") + "}}"),
    "prefetch": ("POST", QUERY, deep('{"query":[1,2],"prefetch":', "{}", "}")),
    "prefetch lists": ("POST", QUERY, deep('{"query":[1,2],"prefetch":[', "", "]}")),
    "query vector": ("POST", QUERY, '{"query":' + deep("[", "1", "]") + "}"),
    "point vector": ("PUT", f"{C}/points", '{"points":[{"id":1,"vector":' + deep("[", "1", "]") + "}]}"),
    "payload arrays": (
        "PUT",
        f"{C}/points",
        '{"points":[{"id":1,"vector":[1,2],"payload":{"a":' + deep("[", "1", "]") + "}}]}",
    ),
    "payload objects": (
        "POST",
        f"{C}/points/payload",
        '{"points":[1],"payload":' + deep('{"a":', "1", "}") + "}",
    ),
    "unknown key": ("POST", QUERY, '{"query":[1,2],"what":' + deep('{"a":[', "", "]}") + "}"),
    "path": ("POST", f"{C}/points/scroll", json.dumps({"filter": {"must": {"is_null": {"key": "a." * DEPTH + "b"}}}})),
    "payload key path": (
        "POST",
        f"{C}/points/payload?wait=true",
        json.dumps({"points": [999], "payload": {}, "key": "a." * DEPTH + "b"}),
    ),
    "metadata": ("PATCH", C, '{"metadata":{"a":' + deep("[", "1", "]") + "}}"),
    "unclosed": ("POST", QUERY, '{"query":' + "[" * 1_000_000),
}


@pytest.mark.parametrize("what", NESTINGS)
def test_ten_thousand_levels(target: Server, what: str) -> None:
    """Depth is refused before it reaches a stack."""
    answer = send(target, *NESTINGS[what])
    if what in ("path", "unknown key"):  # what nobody reads is skipped without recursion
        tolerated(answer)
    else:
        refused(answer)


def test_prefetch_depth_limit(target: Server) -> None:
    """Up to 64 levels, with a text of its own beyond (where the JSON reader allows that depth)."""
    body: dict[str, Any] = {"query": V}
    for _ in range(20):
        body = {"query": V, "prefetch": body}
    assert send(target, "POST", QUERY, body).status_code == 200
    for _ in range(50):
        body = {"query": V, "prefetch": body}
    refused(send(target, "POST", QUERY, body))


NUMBERS = {
    "NaN": '{"query":[NaN,1]}',
    "Infinity": '{"query":[Infinity,1]}',
    "-Infinity": '{"query":[-Infinity,1]}',
    "1e39": '{"query":[1e39,1]}',
    "-1e39": '{"query":[-1e39,1]}',
    "1e400": '{"query":[1e400,1]}',
    "null": '{"query":[null,1]}',
    "NaN threshold": '{"query":[1,1],"score_threshold":NaN}',
    "1e39 example": '{"query":{"recommend":{"positive":[[1e39,1]]}}}',
    "1e39 sparse": '{"query":{"indices":[1],"values":[1e39]},"using":"s"}',
    "sparse index": '{"query":{"indices":[4294967296],"values":[1]},"using":"s"}',
    "negative sparse index": '{"query":{"indices":[-1],"values":[1]},"using":"s"}',
    "infinite formula": '{"prefetch":{},"query":{"formula":{"mult":[1e300,1e300]}}}',
    "1e400 formula": '{"prefetch":{},"query":{"formula":1e400}}',
    "NaN weight": '{"prefetch":{},"query":{"rrf":{"weights":[NaN]}}}',
    "NaN range": '{"filter":{"must":{"key":"n","range":{"gt":NaN}}}}',
}


@pytest.mark.parametrize("what", NUMBERS)
def test_numbers_that_are_none(target: Server, what: str) -> None:
    """Not in JSON, not in f32, not in u32."""
    refused(send(target, "POST", QUERY, NUMBERS[what]))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e39", "-1e39", "1e400", "null", '"1"', "true"])
def test_components_that_cannot_be_stored(target: Server, number: str) -> None:
    """The same on the way in: nothing of it is written."""
    for vector in (f"[{number},1]", f'{{"s":{{"indices":[1],"values":[{number}]}}}}'):
        body = f'{{"points":[{{"id":1000,"vector":{vector}}}]}}'
        refused(send(target, "PUT", f"{C}/points?wait=true", body))
        refused(send(target, "PUT", f"{C}/points?wait=false", body))
    assert send(target, "GET", f"{C}/points/1000", "").status_code == 404


@pytest.mark.parametrize("threshold", ["1e39", "-1e39", "3.4e38"])
def test_extreme_thresholds(target: Server, threshold: str) -> None:
    """A threshold beyond f32 is refused or means infinity."""
    tolerated(send(target, "POST", QUERY, f'{{"query":[1,1],"score_threshold":{threshold}}}'))


def test_largest_finite_vectors(target: Server) -> None:
    """Scores that overflow are still an answer, and valid JSON."""
    config = {"vectors": {"size": 2, "distance": "Euclid"}}
    send(target, "PUT", "/collections/extreme", config)
    big = {"points": [{"id": 1, "vector": [3e38, 3e38]}, {"id": 2, "vector": [0, 0]}]}
    assert send(target, "PUT", "/collections/extreme/points?wait=true", big).status_code == 200
    kinds: list[Any] = [[-3e38, -3e38], {"recommend": {"positive": [[-3e38, 0]], "strategy": "sum_scores"}}]
    for query in kinds:
        answer = send(target, "POST", "/collections/extreme/points/query", {"query": query})
        tolerated(answer)
        json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} in a JSON answer"))


BROKEN = [
    "",
    "{",
    "[]",
    "null",
    "1",
    '"x"',
    '{"query":}',
    '{"query":[1,2]',
    '{"a":1}}',
    "\x00",
    "{'query':1}",
    '{"\\ud800":1}',
]


@pytest.mark.parametrize("body", BROKEN)
def test_broken_json(target: Server, body: str) -> None:
    """Not JSON, or JSON of the wrong shape."""
    refused(send(target, "POST", f"{C}/points/query/batch", body))


def test_invalid_utf8(target: Server) -> None:
    """Bytes that are no text."""
    refused(send(target, "POST", QUERY, b'{"query":"\xff\xfe"}'))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_wrong_content_type(target: Server, kind: str) -> None:
    """Only JSON is read."""
    answer = send(target, "POST", QUERY, {"query": V}, {"content-type": kind})
    assert answer.status_code in (400, 415), answer.text


NAMES = [
    "..",
    "%2e%2e",
    "%2f",
    "a%2fb",
    "..%2f..%2fetc",
    "%00",
    "a%00b",
    "x" * 256,
    "%5c",
    "%ff",
    "a%20b",
    ".",
    "con%3Aaux",
]


@pytest.mark.parametrize("name", NAMES)
def test_collection_names(target: Server, name: str) -> None:
    """Names never become paths: nothing is created outside, nothing fails inside."""
    parts = urlsplit(target.url)
    for method, body in (("GET", b""), ("PUT", b'{"vectors":{"size":2,"distance":"Dot"}}'), ("DELETE", b"")):
        request = (
            f"{method} /collections/{name} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body
        status = raw(target, request)
        assert status == 200 or 400 <= status < 500, (method, name, status)
        if method == "PUT" and name not in ("a%20b",):
            assert status >= 400, f"{name!r} was created"
    outside = {p.name for p in target.storage.parent.iterdir()} - {target.storage.name, target.log.name}
    assert not outside, outside


def raw(target: Server, head: bytes, chunk: bytes = b"", total: int = 0) -> int:
    """Send bytes as they are, then `chunk` again and again up to `total`, until the server answers. Its status."""
    parts = urlsplit(target.url)
    start = time.monotonic()
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(head)
        sent = 0
        try:
            while sent < total and not select.select([connection], [], [], 0)[0]:
                connection.sendall(chunk)
                sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        status = read_status(connection)
    target.check_alive()
    assert time.monotonic() - start < max(WITHIN, total / 2**25), "too slow"
    return status


def read_status(connection: socket.socket) -> int:
    """The status of the answer."""
    answer = b""
    while b"\r\n" not in answer:
        received = connection.recv(4096)
        if not received:
            break
        answer += received
    assert answer.startswith(b"HTTP/1.1 "), f"no answer: {answer[:100]!r}"
    return int(answer.split()[1])


OVER = 33 * 2**20


@pytest.mark.parametrize("path", [f"{C}/points", QUERY])
def test_body_over_the_limit(target: Server, path: str) -> None:
    """33 MiB with a length in front: refused at the latest at the limit."""
    method = "PUT" if path.endswith("points") else "POST"
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {OVER}\r\n\r\n"
    assert raw(target, head.encode(), b" " * 65536, OVER) in (400, 413)


def test_chunked_body_over_the_limit(target: Server) -> None:
    """The same without a length: what is read is bounded all the same."""
    head = f"POST {QUERY} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    assert raw(target, head.encode(), b"10000\r\n" + b" " * 65536 + b"\r\n", OVER) in (400, 413)


def test_body_under_the_limit(server: Server) -> None:
    """20 MiB of honest points are accepted; on the shared server, since keeping them is not a leak."""
    filler = "x" * 200_000
    points = [{"id": i, "vector": [1, 2], "payload": {"t": filler}} for i in range(100)]
    with httpx.Client(base_url=f"{server.url}/collections/large", timeout=30) as http:
        http.put("", json={"vectors": {"size": 2, "distance": "Dot"}}).raise_for_status()
        answer = http.put("/points?wait=true", json={"points": points})
        assert answer.status_code == 200, answer.text[:300]
        http.delete("").raise_for_status()


def test_many_prefetches_and_conditions(target: Server) -> None:
    """Wide instead of deep."""
    wide = {"prefetch": [{"query": V, "limit": 1}] * 500, "query": {"fusion": "rrf"}}
    tolerated(send(target, "POST", QUERY, wide))
    condition = {"key": "n", "match": {"value": 1}}
    tolerated(send(target, "POST", f"{C}/points/scroll", {"filter": {"should": [condition] * 20_000}}))
    feedback = {"target": V, "feedback": [{"example": V, "score": i} for i in range(2000)], "strategy": NAIVE}
    tolerated(send(target, "POST", QUERY, {"query": {"relevance_feedback": feedback}}))


def test_slow_and_silent_connections_do_not_block_others(target: Server) -> None:
    """A hundred connections that never finish their request leave the server answering."""
    parts = urlsplit(target.url)
    open_ones = []
    try:
        for _ in range(100):
            connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)
            connection.sendall(b"POST /collections/hostile/points/query HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n")
            open_ones.append(connection)
        assert send(target, "POST", QUERY, {"query": V}).status_code == 200
    finally:
        for connection in open_ones:
            connection.close()
