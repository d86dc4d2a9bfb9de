"""A server whose bytes are in object storage: restarts, takeover by a second server, and services that are refused.

Needs an S3 API at `KINDRED_TEST_S3`, as `cargo xtask test` starts one; without the variable a server is started here.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from diff.restarting import EAGER, Restarting
from diff.runner import Run
from server import Server, binary

COLLECTION = "/collections/art"
POINTS = f"{COLLECTION}/points"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}

pytestmark = pytest.mark.server_only(reason="is about the server's storage")

DIFFERENTIAL_SEED = 7
DIFFERENTIAL_REQUESTS = int(os.environ.get("KINDRED_S3_REQUESTS", "400"))

_prefixes = itertools.count(1)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 API."""
    if address := os.environ.get("KINDRED_TEST_S3"):
        yield address
        return
    command = [sys.executable, str(Path(__file__).parent / "s3_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.kill()


class Place:
    """A prefix that no other test uses, with what it takes to serve it."""

    def __init__(self, s3: str, folder: Path, bucket: str = "kindred") -> None:
        self.s3 = s3
        self.folder = folder
        self.url = f"s3://{bucket}/{os.getpid()}-{time.time_ns()}/{next(_prefixes)}"

    def options(self, cache: str) -> list[str]:
        """The command line beyond the address."""
        return ["--endpoint", self.s3, "--allow-http", "--cache", str(self.folder / cache)]

    def serve(self, name: str, cache: str = "cache") -> Server:
        """Start a server whose log has this name."""
        return Server(self.folder / name, *self.options(cache), place=self.url, env=CREDENTIALS)

    def serve_eagerly(self) -> Server:
        """Start a server that seals after every few hundred points."""
        env = CREDENTIALS | EAGER
        return Server(self.folder / "eager", *self.options("cache"), place=self.url, env=env)

    def refused(self) -> str:
        """Start a server that must end by itself; what it says."""
        command = [str(binary()), "serve", "--storage", self.url, "--http-port", "0", *self.options("cache")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **CREDENTIALS})
        assert ended.returncode != 0
        assert "listening" not in ended.stdout
        return ended.stderr


@pytest.fixture
def place(s3: str, tmp_path: Path) -> Place:
    """A fresh prefix of the bucket that keeps its promises."""
    return Place(s3, tmp_path)


def create(url: str) -> None:
    """Make the collection."""
    body = {"vectors": {"size": 4, "distance": "Euclid"}}
    assert httpx.put(url + COLLECTION, json=body, timeout=30).status_code == 200


def vector(number: int) -> list[float]:
    """Its vector, exact in f32."""
    return [float(number), float(number % 7), 1.0, 0.5]


def upsert(url: str, numbers: list[int], timeout: float = 30) -> httpx.Response:
    """Write points."""
    points = [{"id": number, "vector": vector(number), "payload": {"n": number}} for number in numbers]
    return httpx.put(url + POINTS, params={"wait": "true"}, json={"points": points}, timeout=timeout)


def stored(url: str) -> dict[int, Any]:
    """All points, by id."""
    found: dict[int, Any] = {}
    offset = None
    while True:
        body = {"limit": 1000, "with_vector": True, "offset": offset}
        page = httpx.post(f"{url}{POINTS}/scroll", json=body, timeout=30).json()["result"]
        found |= {point["id"]: point for point in page["points"]}
        offset = page["next_page_offset"]
        if offset is None:
            return found


def nearest(url: str, number: int) -> list[int]:
    """Ids of the five nearest."""
    body = {"query": vector(number), "limit": 5}
    answer = httpx.post(f"{url}{POINTS}/query", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return [point["id"] for point in answer.json()["result"]["points"]]


def check_points(url: str, numbers: set[int]) -> None:
    """Exactly these points, whole."""
    points = stored(url)
    assert set(points) == numbers
    for number, point in points.items():
        assert point["vector"] == vector(number)
        assert point["payload"] == {"n": number}


def test_object_storage_changes_no_answer(place: Place) -> None:
    """Random requests against the client's in-memory mode, with small segments and restarts in between."""
    subject = Restarting(place.folder / "eager", 100, DIFFERENTIAL_SEED, place.serve_eagerly)
    try:
        report = Run(subject, DIFFERENTIAL_SEED).run(DIFFERENTIAL_REQUESTS)
    finally:
        subject.end()
    print(f"{subject.restarts} restarts\n{report.text()}")
    assert not report.mismatches, report.mismatches[:3]
    assert subject.restarts > 0


def test_a_collection_survives_kills_and_the_loss_of_the_cache(place: Place) -> None:
    """Everything is in the bucket: another machine, with another cache, finds it."""
    first = place.serve("first")
    create(first.url)
    for start in range(0, 500, 100):
        assert upsert(first.url, list(range(start, start + 100))).status_code == 200
    expected = nearest(first.url, 250)
    assert expected[0] == 250
    first.kill()
    second = place.serve("second", cache="other-cache")
    check_points(second.url, set(range(500)))
    assert nearest(second.url, 250) == expected
    assert httpx.post(f"{second.url}{POINTS}/delete?wait=true", json={"points": [250]}, timeout=30).status_code == 200
    second.process.terminate()
    assert second.process.wait(timeout=30) == 0
    second.kill()
    shutil.rmtree(place.folder / "other-cache")
    third = place.serve("third", cache="other-cache")
    check_points(third.url, set(range(500)) - {250})
    third.kill()


class Writer(threading.Thread):
    """Writes one point at a time until it is told to stop, and keeps book of the answers."""

    def __init__(self, url: str, start: int) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.next = start
        self.answers: dict[int, httpx.Response] = {}
        self.enough = threading.Event()
        self.has_begun = threading.Event()

    def run(self) -> None:
        """Write."""
        while not self.enough.is_set():
            number = self.next
            self.next += 1
            self.answers[number] = upsert(self.url, [number], timeout=120)
            if len(self.answers) >= 5:
                self.has_begun.set()

    def acknowledged(self) -> set[int]:
        """Points whose write was answered with 200."""
        return {number for number, answer in self.answers.items() if answer.status_code == 200}


@pytest.mark.parametrize("turn", range(3))
def test_a_stopped_writer_is_fenced_by_the_next(place: Place, turn: int) -> None:
    """SIGSTOP the first in the middle of writes, let a second take over, SIGCONT: nobody loses what was acknowledged."""
    first = place.serve("first", cache="cache-1")
    create(first.url)
    writer = Writer(first.url, 0)
    writer.start()
    assert writer.has_begun.wait(30)
    first.process.send_signal(signal.SIGSTOP)
    second = place.serve("second", cache="cache-2")
    assert upsert(second.url, list(range(10_000, 10_100))).status_code == 200
    first.process.send_signal(signal.SIGCONT)
    # The write that was under way gets its answer, and one more is begun.
    under_way = writer.next
    deadline = time.monotonic() + 60
    while writer.next <= under_way + 2:
        assert time.monotonic() < deadline, "the first server does not answer after SIGCONT"
        time.sleep(0.01)
    writer.enough.set()
    writer.join(60)
    assert upsert(second.url, list(range(20_000, 20_100))).status_code == 200
    refused = upsert(first.url, [30_000])
    assert refused.status_code == 503, refused.text
    assert refused.json()["status"]["error"], refused.text
    last = max(writer.answers)
    assert writer.answers[last].status_code == 503, writer.answers[last].text
    # The first still reads what it knows.
    assert nearest(first.url, 1)[0] == 1
    theirs = set(range(10_000, 10_100)) | set(range(20_000, 20_100))
    found = set(stored(second.url))
    assert writer.acknowledged() <= found
    # At most the one write that was under way when the first was stopped is there without its acknowledgement.
    assert len(found - writer.acknowledged() - theirs) <= 1
    assert theirs <= found
    first.kill()
    second.kill()
    third = place.serve("third", cache="cache-1")
    check_points(third.url, found)
    third.kill()


def test_a_second_server_takes_over_from_a_running_one(place: Place) -> None:
    """Both run: the newer one writes, the older one refuses, and creates no collections either."""
    first = place.serve("first")
    create(first.url)
    assert upsert(first.url, [1]).status_code == 200
    second = place.serve("second")
    assert upsert(first.url, [2]).status_code == 503
    assert httpx.put(f"{first.url}/collections/other", json={"vectors": {}}, timeout=30).status_code == 503
    assert upsert(second.url, [3]).status_code == 200
    check_points(second.url, {1, 3})
    first.kill()
    second.kill()


def test_services_that_would_lose_writes_are_refused(s3: str, tmp_path: Path) -> None:
    """They ignore If-None-Match, or check it before they write."""
    for bucket in ["overwrites", "two-steps"]:
        said = Place(s3, tmp_path, bucket).refused()
        assert "this object store cannot be used" in said
        assert "Traceback" not in said and "panicked" not in said


def test_what_cannot_be_reached_is_said_in_bounded_time(place: Place) -> None:
    """A port where nobody listens."""
    started = time.monotonic()
    place.s3 = "http://127.0.0.1:9"
    said = place.refused()
    assert place.url in said
    assert "127.0.0.1:9" in said
    assert time.monotonic() - started < 60


def test_a_missing_bucket_is_named(s3: str, tmp_path: Path) -> None:
    """The error holds the bucket."""
    assert "no-such-bucket" in Place(s3, tmp_path, "no-such-bucket").refused()
