"""A device that cannot make bytes durable: fsync answers EIO, injected from outside with strace.

After a failed fsync nobody knows what is on the medium, and the next one may lie. So the collection takes no writes
until the server was restarted, though fsync works again; reads go on, and so do other collections.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from server import Server

pytestmark = pytest.mark.server_only("starts its own servers")


def tracer(pid: int) -> int:
    """The process that traces `pid`, or 0."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("TracerPid")).split()[1])


@contextmanager
def failing_fsync(pid: int) -> Iterator[None]:
    """Every fsync of the process fails with EIO."""
    strace = shutil.which("strace")
    assert strace is not None, "strace is not installed, and nothing else makes fsync fail from outside"
    calls = "fsync,fdatasync"
    command = [strace, "-f", "-qq", "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO", "-p", str(pid)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 10
    while tracer(pid) == 0 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    if process.poll() is not None:
        pytest.fail(f"strace may not trace here: {process.communicate()[1].strip()}")
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert tracer(pid) == 0


def points(*ids: int) -> dict[str, Any]:
    """A body that brings points."""
    return {"points": [{"id": i, "vector": [i, 1.0], "payload": {"n": i}} for i in ids]}


def ids(http: httpx.Client, name: str) -> list[int]:
    """The ids of the stored points."""
    answer = http.post(f"/collections/{name}/points/scroll", json={"limit": 1000}).raise_for_status()
    return [record["id"] for record in answer.json()["result"]["points"]]


def put(http: httpx.Client, name: str, *new: int) -> httpx.Response:
    """Bring points."""
    return http.put(f"/collections/{name}/points?wait=true", json=points(*new))


def test_a_failed_fsync_stops_the_writes_of_its_collection(tmp_path: Path) -> None:
    """Nothing is acknowledged that may be lost, and nothing acknowledged is lost."""
    server = Server(tmp_path / "storage")
    with httpx.Client(base_url=server.url, timeout=20) as http:
        for name in ("hurt", "well"):
            config = {"vectors": {"size": 2, "distance": "Dot"}}
            http.put(f"/collections/{name}", json=config).raise_for_status()
            put(http, name, 1, 2).raise_for_status()
        with failing_fsync(server.process.pid):
            answer = put(http, "hurt", 3)
            assert answer.status_code in (500, 503), answer.text
            assert ids(http, "hurt") == [1, 2]
            again = put(http, "hurt", 4)
            assert again.status_code == 503, again.text
        # The device is fine again, but what it holds of this collection is in doubt.
        answer = put(http, "hurt", 5)
        assert answer.status_code == 503 and "stopped after a failure" in answer.text, answer.text
        assert ids(http, "hurt") == [1, 2]
        info = http.get("/collections/hurt").json()["result"]
        assert info["status"] == "red" and "error" in info["optimizer_status"], info
        # The other one is not concerned.
        put(http, "well", 6).raise_for_status()
        assert http.get("/collections/well").json()["result"]["status"] == "green"
    server.check_alive()
    server.kill()
    server = Server(tmp_path / "storage")
    with httpx.Client(base_url=server.url, timeout=20) as http:
        # The first one may be there, as it was in flight; the others were refused.
        assert ids(http, "hurt") in ([1, 2], [1, 2, 3])
        assert ids(http, "well") == [1, 2, 6]
        put(http, "hurt", 7).raise_for_status()
        assert ids(http, "hurt")[-1] == 7
    server.kill()
