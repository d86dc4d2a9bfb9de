"""Drives a differential run: generate, ask both sides, judge, count, and shrink what differs."""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from diff import data
from diff.compare import Mismatch
from diff.data import Collection, Point
from diff.explained import EXPLAINED
from diff.oracle import corrections
from diff.queries import ALL, Queries, Request
from diff.recheck import Judge
from diff.subjects import Memory, Subject
from diff.updates import Updates

#: Arguments that a request can do without, tried in this order when it is shrunk.
OPTIONAL = [
    "with_vectors",
    "with_payload",
    "with_lookup",
    "offset",
    "score_threshold",
    "search_params",
    "query_filter",
    "lookup_from",
]


def jsonable(value: Any) -> Any:
    """Anything of the client as plain JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, by_alias=True)
    if isinstance(value, dict):
        return {k: jsonable(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return value


@dataclass
class Report:
    """What a run found."""

    seed: int
    compared: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    mismatches: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Requests compared."""
        return sum(self.compared.values())

    def text(self) -> str:
        """The summary for a person."""
        lines = [f"seed {self.seed}: {self.total} requests compared in {self.seconds:.1f} s"]
        lines += [f"  {count:7}  {kind}" for kind, count in sorted(self.compared.items())]
        lines.append(f"refused by both sides: {self.refused}")
        lines.append("explained differences (see diff/explained.py):")
        lines += [f"  {n:7}  {reason}: {EXPLAINED[reason].handling}" for reason, n in sorted(self.explained.items())]
        lines.append(f"mismatches: {len(self.mismatches)}")
        return "\n".join(lines)


class Run:
    """One differential run over one seed."""

    def __init__(self, server: Subject, seed: int, memory: Memory | None = None) -> None:
        self.server = server
        self.memory = memory or Memory()
        self.seed = seed
        self.world = data.world(seed)
        self.rng = random.Random(seed + 1)
        self.queries = Queries(self.rng, self.world)
        self.updates = Updates(self.rng, self.world)
        self.judge = Judge(self.server, self.memory, self.world)
        self.report = Report(seed)

    def load(self) -> None:
        """Create the collections on both sides."""
        self.server.load(self.world)
        self.memory.load(self.world)

    def run(self, requests: int, most: int = 20) -> Report:
        """Compare `requests` requests, stopping early after `most` mismatches."""
        start = time.monotonic()
        corrections.clear()
        self.load()
        for collection in self.world.values():
            self.compare(everything(collection))
        while self.report.total < requests and len(self.report.mismatches) < most:
            self.step()
        self.report.explained.update(corrections)
        self.report.seconds = time.monotonic() - start
        return self.report

    def step(self) -> None:
        """One read, or a few writes followed by a look at everything that they could have changed."""
        if self.rng.random() > 0.06:
            self.compare(self.queries.any())
            return
        target = self.updates.target()
        while self.rng.random() < 0.2:
            # Not waited for: the write that is waited for comes after it all the same.
            self.write(self.updates.any(target, wait=False))
            self.refresh(target)
        self.write(self.updates.any(target))
        self.compare(everything(target))
        self.refresh(target)
        self.compare(self.queries.plain(target))

    def write(self, request: Request) -> None:
        """Apply a write to both sides."""
        ours, theirs = self.server.run(request), self.memory.run(request)
        self.report.compared[request.kind] += 1
        if ours.broken or theirs.broken or (ours.refused is None) != (theirs.refused is None):
            detail = repr((ours.broken or ours.refused, theirs.broken or theirs.refused))
            self.report.mismatches.append(self.describe(request, f"write differs: {detail}"))
        self.report.refused += ours.refused is not None

    def refresh(self, collection: Collection) -> None:
        """Learn what the collection holds now."""
        records, _ = self.memory.client.scroll(collection.name, limit=ALL, with_vectors=True)
        collection.points = [Point(r.id, named(r.vector), r.payload or {}) for r in records]

    def compare(self, request: Request) -> None:
        """Ask both sides and judge."""
        for part in request.parts or [request]:
            self.report.compared[f"batch/{part.kind}" if request.parts else part.kind] += 1
        why, notes = self.verdict(request)
        if why is not None:
            smaller = self.shrink(request)
            self.report.mismatches.append(self.describe(smaller, self.verdict(smaller)[0] or why))
        self.report.refused += "refused" in notes
        self.report.explained.update(n for n in notes if n != "refused")

    def verdict(self, request: Request) -> tuple[str | None, list[str]]:
        """Why the answers differ, if they do, and which explanations were used."""
        try:
            return None, self.judge.judge(request, self.server.run(request), self.memory.run(request))
        except Mismatch as mismatch:
            return str(mismatch), []

    # -- reproduction ------------------------------------------------------------------------------

    def shrink(self, request: Request) -> Request:
        """The same mismatch with fewer arguments, parts and prefetches."""
        for part in request.parts:
            if self.verdict(part)[0] is not None:
                return self.shrink(part)
        for key in OPTIONAL:
            if request.args.get(key) is not None:
                request = self.smaller(request, {k: v for k, v in request.args.items() if k != key})
        prefetch = request.args.get("prefetch")
        if isinstance(prefetch, list):
            for node in list(prefetch):
                left = [n for n in request.args["prefetch"] if n is not node]
                if left:
                    request = self.smaller(request, {**request.args, "prefetch": left})
        return request

    def smaller(self, request: Request, args: dict[str, Any]) -> Request:
        """The request with other arguments, if it still fails."""
        candidate = copy.copy(request)
        candidate.args = args
        return candidate if self.verdict(candidate)[0] is not None else request

    def describe(self, request: Request, why: str) -> dict[str, Any]:
        """Everything needed to see the mismatch again."""
        ours, theirs = self.server.run(request), self.memory.run(request)
        return {
            "seed": self.seed,
            "number": self.report.total,
            "kind": request.kind,
            "why": why[:2000],
            "collection": request.collection,
            "config": jsonable(data.vectors_config(self.world[request.collection])),
            "method": request.method,
            "args": jsonable(request.args) or [jsonable(p.args) for p in request.parts],
            "server": jsonable(ours.value) if ours.value is not None else (ours.refused or ours.broken),
            "memory": jsonable(theirs.value) if theirs.value is not None else (theirs.refused or theirs.broken),
        }


def named(vector: Any) -> dict[str, Any]:
    """A record's vectors as a map, whatever form they came in."""
    if vector is None:
        return {}
    return vector if isinstance(vector, dict) else {"": vector}


def everything(collection: Collection) -> Request:
    """A scroll over a whole collection, vectors included."""
    args = {"limit": 10 * ALL, "with_payload": True, "with_vectors": True}
    return Request("scroll/all", "scroll", collection.name, args, "exact")
