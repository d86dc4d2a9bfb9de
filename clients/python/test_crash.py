"""Kill -9 in the middle of mixed writes, sealing, merging and recovery, again and again, over one folder: what was
acknowledged is there, whole, and what was deleted stays away.

Each writer owns a range of ids and sends one request at a time, so that for every id the last acknowledged state
is known and at most one request is in doubt: it is there as a whole or not at all. wait=false is acknowledged too: that
means durable. `KINDRED_CRASH_ROUNDS` says how often.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from server import Server, end_while_opening

ROUNDS = int(os.environ.get("KINDRED_CRASH_ROUNDS", "20"))
WRITERS = 4
#: Seals several times a second and merges as soon as there are two segments.
EAGER = {
    "KINDRED__STORAGE__SEAL_BYTES": "20000",
    "KINDRED__STORAGE__SEAL_AGE_S": "1",
    "KINDRED__STORAGE__TIER_FACTOR": "2",
}
BATCH = 25
COLLECTION = "/collections/crash"
POINTS = f"{COLLECTION}/points"

#: The state of a point: its vector and payload, or None when it must not exist.
State = tuple[list[float], dict[str, Any]] | None


@dataclass
class Ledger:
    """What one writer knows about its points."""

    acknowledged: dict[int, State] = field(default_factory=dict)
    in_flight: dict[int, State] = field(default_factory=dict)
    requests: int = 0

    def allowed(self, point: int) -> list[State]:
        """The states that the point may be in after a crash."""
        states = [self.acknowledged.get(point)]
        if point in self.in_flight:
            states.append(self.in_flight[point])
        return states

    def check_whole(self, found: dict[int, State]) -> None:
        """The request in flight was made as a whole, or not at all."""
        made = {i: found.get(i) == after for i, after in self.in_flight.items() if after != self.acknowledged.get(i)}
        assert len(set(made.values())) <= 1, f"half of a request was made: {made}"


class Writer(threading.Thread):
    """Sends random writes until the server goes away."""

    def __init__(self, url: str, number: int, seed: int, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.number = number
        self.rng = random.Random(seed)
        self.ledger = ledger
        self.failure: str | None = None

    def run(self) -> None:
        """Write until the connection breaks."""
        with httpx.Client(base_url=self.url, timeout=10) as http:
            while self.failure is None:
                try:
                    self.step(http)
                except httpx.TransportError:
                    return

    def step(self, http: httpx.Client) -> None:
        """One request: recorded as in flight before it is sent, as acknowledged after its answer."""
        method, path, body, after = self.rng.choice(
            [
                self.upsert,
                self.upsert,
                self.upsert,
                self.delete,
                self.delete_by_filter,
                self.set_payload,
                self.update_vectors,
            ]
        )()
        if not after:
            return
        self.ledger.in_flight = after
        wait = self.rng.choice(["true", "false"])
        answer = http.request(method, f"{path}?wait={wait}", json=body)
        expected = "completed" if wait == "true" else "acknowledged"
        if answer.status_code != 200 or answer.json()["result"]["status"] != expected:
            self.failure = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            return
        self.ledger.acknowledged.update(after)
        self.ledger.in_flight = {}
        self.ledger.requests += 1

    def existing(self, most: int) -> list[int]:
        """Some points that exist for sure."""
        known = [i for i, state in self.ledger.acknowledged.items() if state is not None]
        return self.rng.sample(known, min(len(known), most))

    def upsert(self) -> tuple[str, str, Any, dict[int, State]]:
        """New points, and some again."""
        low = self.number * 1_000_000
        ids = {low + self.rng.randint(0, 20_000) for _ in range(BATCH)} | set(self.existing(3))
        after: dict[int, State] = {}
        for point in ids:
            stamp = self.rng.getrandbits(30)
            payload = {"stamp": stamp, "text": "x" * (stamp % 50), "writer": self.number}
            after[point] = ([float(point % 1000), float(stamp % 4096)], payload)
        points = [{"id": i, "vector": s[0], "payload": s[1]} for i, s in after.items() if s is not None]
        return "PUT", POINTS, {"points": points}, after

    def delete(self) -> tuple[str, str, Any, dict[int, State]]:
        """Some points by id."""
        ids = self.existing(8)
        return "POST", f"{POINTS}/delete", {"points": ids}, dict.fromkeys(ids, None)

    def delete_by_filter(self) -> tuple[str, str, Any, dict[int, State]]:
        """The points of this writer with one text."""
        text = "x" * self.rng.randint(0, 49)
        ids = [i for i, s in self.acknowledged() if s[1].get("text") == text]
        own = {"key": "writer", "match": {"value": self.number}}
        filters = {"must": [own, {"key": "text", "match": {"value": text}}]}
        return "POST", f"{POINTS}/delete", {"filter": filters}, dict.fromkeys(ids, None)

    def acknowledged(self) -> list[tuple[int, tuple[list[float], dict[str, Any]]]]:
        """The points that exist for sure."""
        return [(i, state) for i, state in self.ledger.acknowledged.items() if state is not None]

    def set_payload(self) -> tuple[str, str, Any, dict[int, State]]:
        """A new field on some points."""
        stamp = self.rng.getrandbits(30)
        after: dict[int, State] = {}
        for point in self.existing(8):
            state = self.ledger.acknowledged[point]
            assert state is not None
            after[point] = (state[0], {**state[1], "mark": stamp})
        return "POST", f"{POINTS}/payload", {"payload": {"mark": stamp}, "points": list(after)}, after

    def update_vectors(self) -> tuple[str, str, Any, dict[int, State]]:
        """New vectors, payloads untouched."""
        after: dict[int, State] = {}
        for point in self.existing(8):
            state = self.ledger.acknowledged[point]
            assert state is not None
            after[point] = ([self.rng.randint(0, 4095) / 1.0, -1.0], state[1])
        points = [{"id": i, "vector": s[0]} for i, s in after.items() if s is not None]
        return "PUT", f"{POINTS}/vectors", {"points": points}, after


def stored(url: str, ids: list[int]) -> dict[int, State]:
    """What the server holds of `ids`."""
    out: dict[int, State] = {}
    with httpx.Client(base_url=url, timeout=20) as http:
        for start in range(0, len(ids), 2000):
            body = {"ids": ids[start : start + 2000], "with_payload": True, "with_vector": True}
            answer = http.post(POINTS, json=body)
            assert answer.status_code == 200, answer.text[:300]
            for record in answer.json()["result"]:
                out[record["id"]] = (record["vector"], record["payload"])
    return out


def verify(url: str, ledgers: list[Ledger], only: list[set[int]] | None) -> None:
    """Every point is in a state that it may be in; what was in flight is settled now."""
    for number, ledger in enumerate(ledgers):
        ids = set(ledger.acknowledged) | set(ledger.in_flight)
        if only is not None:
            ids &= only[number] | set(ledger.in_flight)
        found = stored(url, sorted(ids))
        for point in ids:
            actual = found.get(point)
            allowed = ledger.allowed(point)
            assert actual in allowed, f"point {point} is {actual}, must be one of {allowed}"
        ledger.check_whole(found)
        ledger.acknowledged.update({i: found.get(i) for i in ledger.in_flight})
        ledger.in_flight = {}
    expected = sum(state is not None for ledger in ledgers for state in ledger.acknowledged.values())
    count = httpx.post(f"{url}{POINTS}/count", json={"exact": True}, timeout=20).json()["result"]["count"]
    assert count == expected, f"{count} points are stored, {expected} were written and not deleted"
    info = httpx.get(f"{url}{COLLECTION}", timeout=20).json()["result"]
    assert info["status"] != "red" and info["optimizer_status"] == "ok", info
    assert info["points_count"] == expected


def crash_once(storage: Path, number: int, ledgers: list[Ledger], rng: random.Random) -> list[set[int]]:
    """Start, write for a moment, kill. Returns the ids that each writer touched."""
    server = Server(storage, env=EAGER)
    if number == 0:
        config = {"vectors": {"size": 2, "distance": "Euclid"}}
        httpx.put(f"{server.url}{COLLECTION}", json=config).raise_for_status()
    before = [dict(ledger.acknowledged) for ledger in ledgers]
    writers = [Writer(server.url, i, rng.getrandbits(32), ledger) for i, ledger in enumerate(ledgers)]
    for writer in writers:
        writer.start()
    time.sleep(rng.uniform(0.2, 0.8))
    server.check_alive()
    server.kill()
    for writer in writers:
        writer.join(timeout=20)
        assert not writer.is_alive() and writer.failure is None, writer.failure
    if rng.random() < 0.5:
        end_while_opening(storage, rng.uniform(0.0, 0.05), EAGER)
    touched = []
    for old, ledger in zip(before, ledgers, strict=True):
        touched.append({i for i, s in ledger.acknowledged.items() if i not in old or old[i] is not s})
    return touched


@pytest.mark.server_only("starts and kills its own servers")
def test_acknowledged_writes_survive_kill(tmp_path: Path) -> None:
    """Rounds of kill -9 over one folder; the last look is at every point ever written."""
    seed = int(os.environ.get("KINDRED_CRASH_SEED", "1"))
    print(f"seed {seed}")
    rng = random.Random(seed)
    storage = tmp_path / "storage"
    ledgers = [Ledger() for _ in range(WRITERS)]
    segments: set[str] = set()
    for number in range(ROUNDS):
        touched = crash_once(storage, number, ledgers, rng)
        segments |= {path.name for path in storage.glob("c/*/s0/seg/*.seg")}
        server = Server(storage, env=EAGER)
        verify(server.url, ledgers, None if number == ROUNDS - 1 else touched)
        server.kill()
    written = sum(ledger.requests for ledger in ledgers)
    points = sum(len(ledger.acknowledged) for ledger in ledgers)
    left = len(list(storage.glob("c/*/s0/seg/*.seg")))
    print(f"{ROUNDS} rounds, {written} acknowledged requests over {points} points")
    print(f"{len(segments)} segments were seen at the ends of rounds, {left} are left")
    assert written >= 10 * ROUNDS, "too few writes to mean anything"
    # A slow machine seals less often than it is killed.
    assert len(segments) >= ROUNDS // 2 and left < len(segments), "too little sealing and merging to mean anything"
