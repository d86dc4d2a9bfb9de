"""Snapshots through the official client and plain HTTP: made while writes go on, listed, fetched, sent, restored,
deleted; refused for what is no snapshot; and what is restored survives kill -9."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient, models

from server import Server, binary

C = "art"
DIM = 8


class Place:
    """A server with a snapshots folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshots = root / "snapshots"
        self.storage = root / "storage"
        self.start()

    def start(self) -> None:
        """Start, or start again on what is there."""
        self.server = Server(self.storage, "--snapshots", str(self.snapshots))
        self.client = QdrantClient(url=self.server.url, timeout=60)
        self.http = httpx.Client(base_url=self.server.url, timeout=60)

    def restart(self) -> None:
        """Kill -9 and start again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill -9."""
        self.client.close()
        self.http.close()
        self.server.kill()

    def files(self) -> list[str]:
        """All files of the storage and of the snapshots, but those that come and go by themselves."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        names = (str(path.relative_to(self.root)) for path in found)
        return sorted(name for name in names if "storage/local/" not in name and "/catalog/" not in name)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server with one collection of a thousand points, some deleted."""
    place = Place(tmp_path)
    place.client.create_collection(
        C,
        vectors_config={
            "a": models.VectorParams(size=DIM, distance=models.Distance.COSINE),
            "b": models.VectorParams(size=2, distance=models.Distance.EUCLID),
        },
        sparse_vectors_config={"s": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    place.client.create_payload_index(C, "n", models.PayloadSchemaType.INTEGER)
    place.client.upsert(C, [point(number) for number in range(1000)], wait=True)
    place.client.delete(C, models.PointIdsList(points=list(range(0, 1000, 10))), wait=True)
    yield place
    place.server.check_alive()
    place.stop()


def point(number: int) -> models.PointStruct:
    """A point whose every part says its number."""
    vector = {
        "a": [float(number + 1)] + [1.0] * (DIM - 1),
        "b": [number, 1],
        "s": models.SparseVector(indices=[number % 50, 100], values=[1.0, 0.5]),
    }
    return models.PointStruct(id=number, vector=vector, payload={"n": number, "word": f"w{number % 7}"})


def contents(client: QdrantClient, collection: str = C) -> list[Any]:
    """All points, with everything."""
    points, _ = client.scroll(collection, limit=100_000, with_payload=True, with_vectors=True)
    return points


def send(place: Place, collection: str, data: bytes, **params: Any) -> httpx.Response:
    """Upload a file."""
    files = {"snapshot": ("../../../evil.snapshot", data, "application/octet-stream")}
    return place.http.post(f"/collections/{collection}/snapshots/upload", files=files, params=params)


def test_create_list_download_upload_delete(place: Place) -> None:
    """The whole life of a snapshot."""
    before = contents(place.client)
    assert place.client.list_snapshots(C) == []
    made = place.client.create_snapshot(C, wait=True)
    assert made is not None and made.name.startswith(f"{C}-") and made.name.endswith(".snapshot")
    assert place.client.list_snapshots(C) == [made]
    answer = place.http.get(f"/collections/{C}/snapshots/{made.name}")
    assert answer.headers["content-length"] == str(made.size) == str(len(answer.content))
    assert made.name in answer.headers["content-disposition"]
    assert hashlib.sha256(answer.content).hexdigest() == made.checksum
    place.client.upsert(C, [point(number) for number in range(2000, 2100)], wait=True)
    for name in (C, "copy"):
        sent = send(place, name, answer.content, checksum=made.checksum, priority="snapshot")
        assert sent.status_code == 200 and sent.json()["result"] is True, sent.text
        assert contents(place.client, name) == before
        query = place.client.query_points(name, query=[1.0] * DIM, using="a", limit=5)
        assert len(query.points) == 5
    info = place.client.get_collection("copy")
    assert info.payload_schema["n"].data_type == models.PayloadSchemaType.INTEGER
    assert place.client.delete_snapshot(C, made.name, wait=True) is True
    assert place.client.list_snapshots(C) == []
    with pytest.raises(Exception, match="404"):
        place.client.delete_snapshot(C, made.name, wait=True)


def test_recover_from_the_folder(place: Place) -> None:
    """`recover_snapshot` with a file:// location, and its refusals."""
    before = contents(place.client)
    made = place.client.create_snapshot(C, wait=True)
    assert made is not None
    location = f"file://{place.snapshots}/{C}/{made.name}"
    place.client.delete(C, models.Filter(must=[]), wait=True)
    assert place.client.recover_snapshot(
        C, location, checksum=made.checksum, priority=models.SnapshotPriority.SNAPSHOT, wait=True
    )
    assert contents(place.client) == before
    outside = place.root / "outside.snapshot"
    outside.write_bytes(Path(location.removeprefix("file://")).read_bytes())
    link = place.snapshots / C / "link.snapshot"
    link.symlink_to(outside)
    cases = [
        ("file:///x", None, 400, 'Bad request: Snapshot file "/x" does not exist'),
        ("file://x", None, 400, "Bad request: Invalid snapshot URI, file path must be absolute or on localhost"),
        (f"file://{outside}", None, 403, "Forbidden: Snapshot file path must be inside the snapshots directory"),
        (f"file://{link}", None, 403, "Forbidden: Snapshot file path must be inside the snapshots directory"),
        (location, "0" * 64, 400, "Checksum mismatch"),
        ("http://169.254.169.254/latest/meta-data", None, 400, "enable_snapshot_url_recovery"),
        (f"{place.server.url}/collections/{C}/snapshots/{made.name}", None, 400, "enable_snapshot_url_recovery"),
    ]
    for place_of, checksum, code, text in cases:
        body = {"location": place_of, "checksum": checksum}
        answer = place.http.put(f"/collections/{C}/snapshots/recover", json=body)
        assert answer.status_code == code, answer.text
        assert text in answer.json()["status"]["error"]
    assert [found.name for found in place.client.list_snapshots(C)] == [made.name], "links are not listed"
    assert contents(place.client) == before


def test_who_does_not_wait_is_answered_at_once(place: Place) -> None:
    """`wait=false` is 202 without a result."""
    answer = place.http.post(f"/collections/{C}/snapshots", params={"wait": "false"})
    assert answer.status_code == 202 and answer.json().keys() == {"status", "time"}
    assert answer.json()["status"] == "accepted"
    deadline = time.monotonic() + 30
    while not (made := place.client.list_snapshots(C)):
        assert time.monotonic() < deadline
    data = place.http.get(f"/collections/{C}/snapshots/{made[0].name}").content
    assert send(place, "later", data, wait="false").status_code == 202
    while not place.client.collection_exists("later"):
        assert time.monotonic() < deadline
    assert contents(place.client, "later") == contents(place.client)


def test_a_snapshot_of_everything_and_the_command_line(place: Place) -> None:
    """Full snapshots by the client; `restore-all` and `verify` by the program."""
    place.client.create_collection("empty", vectors_config={})
    place.client.update_collection_aliases(
        [models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=C, alias_name="alias"))]
    )
    before = contents(place.client)
    made = place.client.create_full_snapshot(wait=True)
    assert made is not None
    assert place.client.list_full_snapshots() == [made]
    file = place.snapshots / made.name
    run = lambda *words: subprocess.run(  # noqa: E731
        [str(binary()), "snapshot", *words], capture_output=True, text=True, timeout=60, check=False
    )
    told = run("verify", str(file))
    assert told.returncode == 0 and "900 points" in told.stdout and str(made.checksum) in told.stdout, told
    again = Place.__new__(Place)
    again.root = place.root / "again"
    again.snapshots, again.storage = again.root / "snapshots", again.root / "storage"
    again.root.mkdir()
    restored = run("restore-all", str(file), "--storage", str(again.storage))
    assert restored.returncode == 0, restored
    twice = run("restore-all", str(file), "--storage", str(again.storage))
    assert twice.returncode != 0 and "holds collections already" in twice.stderr, twice
    again.start()
    try:
        assert contents(again.client) == before == contents(again.client, "alias")
        assert {found.name for found in again.client.get_collections().collections} == {C, "empty"}
    finally:
        again.stop()
    url = ["--url", place.server.url]
    target = place.root / "fetched.snapshot"
    assert run("create", C, *url).returncode == 0
    name = run("list", C, *url).stdout.split("\t")[0]
    fetched = run("download", C, name, "--output", str(target), *url)
    assert fetched.returncode == 0 and target.is_file(), fetched
    assert run("upload", "by-hand", str(target), *url).returncode == 0
    assert contents(place.client, "by-hand") == before
    assert run("restore", "by-path", f"file://{place.snapshots}/{C}/{name}", *url).returncode == 0
    assert contents(place.client, "by-path") == before
    assert run("delete", C, name, *url).returncode == 0
    damaged = bytearray(target.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    target.write_bytes(damaged)
    for words in (("verify", str(target)), ("upload", "damaged", str(target), *url)):
        refused = run(*words)
        assert refused.returncode != 0 and "refused" in refused.stderr, refused
    assert place.client.delete_full_snapshot(made.name, wait=True) is True
    assert place.client.list_full_snapshots() == []


def test_writes_go_on(place: Place) -> None:
    """Snapshots made while points move in pairs: no half of a pair is in any of them."""
    stop = threading.Event()
    failures: list[str] = []

    def write() -> None:
        number = 5000
        with httpx.Client(base_url=place.server.url, timeout=60) as http:
            while not stop.is_set():
                number += 1
                pair = [{"id": i, "vector": {}, "payload": {"pair": number}} for i in (1, 2)]
                answer = http.put(f"/collections/{C}/points?wait=true", json={"points": pair})
                if answer.status_code != 200:
                    failures.append(answer.text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        names = [made.name for _ in range(5) if (made := place.client.create_snapshot(C, wait=True))]
    finally:
        stop.set()
        writer.join()
    assert not failures and len(set(names)) == 5
    pairs = []
    for name in names:
        place.client.recover_snapshot("then", f"file://{place.snapshots}/{C}/{name}", wait=True)
        one, two = place.client.retrieve("then", [1, 2])
        found = {(record.payload or {}).get("pair", 0) for record in (one, two)}
        assert len(found) == 1, f"half of a change: {found}"
        pairs += found
    assert pairs == sorted(pairs)


def test_what_is_restored_survives_kill_9(place: Place) -> None:
    """Kill the server at some moment of a restoration, again and again: the old state or the new one."""
    old = contents(place.client)
    place.client.upsert(C, [point(number) for number in range(3000, 3500)], wait=True)
    new = contents(place.client)
    made = place.client.create_snapshot(C, wait=True)
    assert made is not None
    place.client.delete(C, models.PointIdsList(points=list(range(3000, 3500))), wait=True)
    location = f"file://{place.snapshots}/{C}/{made.name}"
    for delay in (0.0, 0.005, 0.02, 0.05, 0.2):
        place.http.put(f"/collections/{C}/snapshots/recover", params={"wait": "false"}, json={"location": location})
        time.sleep(delay)
        place.restart()
        assert contents(place.client) in (old, new)
    place.client.recover_snapshot(C, location, wait=True)
    place.restart()
    assert contents(place.client) == new
    place.client.upsert(C, [point(9999)], wait=True)
    place.restart()
    assert len(contents(place.client)) == len(new) + 1
    collections = [path for path in (place.storage / "c").iterdir() if path.is_dir()]
    assert len(collections) == 1, "what was replaced or given up is gone"


def hostile(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Files that are no snapshot of ours."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, kind in (("../../evil", tarfile.SYMTYPE), ("/etc/evil", tarfile.LNKTYPE), ("dev", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
    yield "tar with links", archive.getvalue()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("0/segments"))
    yield "tar.gz", packed.getvalue()
    yield "empty", b""
    yield "text", b"hello"
    yield "zeros", bytes(5_000_000)
    yield "only the magic", b"KNDRSNAP"
    yield "magic and zeros", b"KNDRSNAP" + bytes(5_000_000)
    yield "cut", good[:-1]
    yield "half", good[: len(good) // 2]
    yield "longer", good + b"x"
    yield "twice", good * 2
    for at in range(0, len(good), max(1, len(good) // 40)):
        if at not in (10, 11):
            yield f"a byte at {at}", good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :]


def test_hostile_files_are_refused_and_leave_nothing(place: Place) -> None:
    """400 for each, no file more than before, memory bounded."""
    made = place.client.create_snapshot(C, wait=True)
    assert made is not None
    good = place.http.get(f"/collections/{C}/snapshots/{made.name}").content
    before, memory = place.files(), place.server.rss_kb()
    points = contents(place.client)
    for what, data in hostile(good):
        for collection in (C, "new"):
            answer = send(place, collection, data)
            assert answer.status_code == 400, f"{what}: {answer.status_code} {answer.text}"
            assert "refused" in answer.json()["status"]["error"], f"{what}: {answer.text}"
    assert place.files() == before
    assert contents(place.client) == points
    assert [found.name for found in place.client.get_collections().collections] == [C]
    assert place.server.rss_kb() - memory < 64 * 1024
    assert not (place.root.parent / "evil.snapshot").exists()


def test_hostile_names_reach_no_file(place: Place) -> None:
    """Every snapshot route with names that try to leave the folder."""
    secret = place.root / "secret.snapshot"
    secret.write_text("secret")
    before = place.files()
    names = ["%2e%2e", "%2e%2e%2fsecret.snapshot", "..%2fsecret.snapshot", "%2fetc%2fpasswd", "%00", "a%00.snapshot"]
    names += ["..%5csecret.snapshot", "C:%5cx.snapshot", "NUL.snapshot", ".drafts", "a" * 300, "%ff"]
    for name in names:
        for method, path in [
            ("GET", f"/collections/{C}/snapshots/{name}"),
            ("DELETE", f"/collections/{C}/snapshots/{name}"),
            ("GET", f"/snapshots/{name}"),
            ("DELETE", f"/snapshots/{name}"),
            ("POST", f"/collections/{name}/snapshots"),
            ("GET", f"/collections/{name}/snapshots"),
            ("PUT", f"/collections/{name}/snapshots/recover"),
        ]:
            body = {"location": "file:///x"} if method == "PUT" else None
            answer = place.http.request(method, path, json=body)
            assert answer.status_code in (400, 404, 422), f"{method} {path}: {answer.status_code} {answer.text}"
            assert "secret" not in answer.text.replace("secret.snapshot", "")
    assert place.files() == before


def test_a_read_only_key_sends_nothing_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S03: a slow upload with a read-only key is refused before its body is looked at."""
    monkeypatch.setenv("KINDRED__SERVICE__API_KEY", "full")
    monkeypatch.setenv("KINDRED__SERVICE__READ_ONLY_API_KEY", "look")
    server = Server(tmp_path / "storage", "--snapshots", str(tmp_path / "snapshots"))
    sent = 0

    def slowly() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\ncontent-disposition: form-data; name="snapshot"; filename="x"\r\n\r\nKNDRSNAP'
        for _ in range(20):
            sent += 65536
            yield bytes(65536)
            assert not (tmp_path / "snapshots").exists()
        yield b"\r\n--b--\r\n"

    try:
        headers = {"api-key": "look", "content-type": "multipart/form-data; boundary=b"}
        answer = httpx.post(f"{server.url}/collections/art/snapshots/upload", content=slowly(), headers=headers)
        assert answer.status_code == 403, answer.text
        assert sent > 0 and not (tmp_path / "snapshots").exists()
        server.check_alive()
    finally:
        server.kill()
    assert "KINDRED__SERVICE__API_KEY" in os.environ
