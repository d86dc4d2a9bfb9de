"""A full device: writes are refused with 507, reads go on, what makes room is taken, the server starts on it, and all
is well when there is room again. On a file system of its own that only root can mount.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server import Server

pytestmark = pytest.mark.server_only("starts its own servers")

#: The reserve of the store is 64 MiB.
SIZE_MIB = 120


def run(*command: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"`{' '.join(command)}` is not possible here: {done.stderr.strip()}"


@pytest.fixture(params=["tmpfs", "ext4"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    assert os.geteuid() == 0, "only root can mount"
    folder = tmp_path / "device"
    folder.mkdir()
    if request.param == "tmpfs":
        run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder))
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(SIZE_MIB << 20)
        run("mkfs.ext4", "-q", "-m", "0", str(image))
        run("mount", "-o", "loop", str(image), str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(device: Path) -> None:
    """Leave no room for another byte."""
    for number, size in enumerate((1 << 20, 4096, 1)):
        with contextlib.suppress(OSError), (device / f"filler{number}").open("wb", buffering=0) as file:
            while file.write(b"\0" * size) == size:
                pass
    # What is written late by the file system is written now.
    os.sync()


def free(device: Path) -> None:
    """Take the fillers away."""
    for path in device.glob("filler*"):
        path.unlink()
    os.sync()


def put(http: httpx.Client, name: str, ids: range) -> httpx.Response:
    """Bring points with some payload."""
    points: list[dict[str, Any]] = [{"id": i, "vector": [i, 1.0], "payload": {"text": f"{i} " * 100}} for i in ids]
    return http.put(f"/collections/{name}/points?wait=true", json={"points": points})


def count(http: httpx.Client, name: str) -> int:
    """Stored points."""
    answer = http.post(f"/collections/{name}/points/count", json={"exact": True}).raise_for_status()
    return answer.json()["result"]["count"]


def refused(answer: httpx.Response) -> None:
    """507, in words that somebody can act on."""
    assert answer.status_code == 507, f"{answer.status_code} {answer.text[:300]}"
    error = answer.json()["status"]["error"]
    assert "room" in error or "space" in error or "full" in error.lower(), error


def check_full(http: httpx.Client, first: int) -> None:
    """Reads go on; what makes room is taken; the rest is not."""
    refused(put(http, "art", range(5000, 5100)))
    refused(http.put("/collections/more", json={"vectors": {"size": 2, "distance": "Dot"}}))
    before = count(http, "art")
    query = {"query": [1.0, 1.0], "limit": 5, "with_payload": True}
    found = http.post("/collections/art/points/query", json=query).raise_for_status()
    assert len(found.json()["result"]["points"]) == 5
    gone = list(range(first, first + 10))
    http.post("/collections/art/points/delete?wait=true", json={"points": gone}).raise_for_status()
    assert count(http, "art") == before - 10
    refused(put(http, "art", range(5000, 5100)))
    assert count(http, "art") == before - 10


def test_a_full_device(device: Path) -> None:
    """From 507 to the next write that is taken."""
    storage = device / "storage"
    eager = {"KINDRED__STORAGE__SEAL_BYTES": "100000", "KINDRED__STORAGE__TIER_FACTOR": "2"}
    server = Server(storage, env=eager)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        for name in ("art", "spare"):
            config = {"vectors": {"size": 2, "distance": "Dot"}}
            http.put(f"/collections/{name}", json=config).raise_for_status()
            put(http, name, range(1000)).raise_for_status()
        fill(device)
        check_full(http, 0)
    server.kill()
    # Somebody else takes nothing of what the reserve has left.
    server = Server(storage, env=eager)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        assert count(http, "art") == 990
        check_full(http, 10)
        http.delete("/collections/spare").raise_for_status()
        free(device)
        put(http, "art", range(5000, 5100)).raise_for_status()
        assert count(http, "art") == 1080
        status = http.get("/collections/art").json()["result"]["status"]
        assert status in ("green", "yellow"), status
    server.stop()
    server = Server(storage, env=eager)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        names = [entry["name"] for entry in http.get("/collections").json()["result"]["collections"]]
        assert names == ["art"]
        assert count(http, "art") == 1080
    server.stop()


def test_a_server_starts_on_a_device_that_is_full_to_the_last_byte(device: Path) -> None:
    """With its reserve untouched."""
    storage = device / "storage"
    server = Server(storage)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        http.put("/collections/art", json={"vectors": {"size": 2, "distance": "Dot"}}).raise_for_status()
        put(http, "art", range(100)).raise_for_status()
    server.kill()
    fill(device)
    server = Server(storage)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        check_full(http, 0)
        free(device)
        put(http, "art", range(5000, 5100)).raise_for_status()
        assert count(http, "art") == 190
    server.stop()
