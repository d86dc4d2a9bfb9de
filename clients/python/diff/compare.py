"""Judges one answer against the in-memory mode's, up to ties and to the rounding of f32.

The quick way is equality. Where it fails, the whole in-memory ranking is asked for, and the answer must be one
valid way to order and cut it. `recheck` handles what that cannot decide: prefetch trees, MMR, near-ties.
A threshold needs no strict or inclusive side here: a score that equals it up to rounding may be in or out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from diff.queries import Request

RELATIVE = 1e-5
EVERYTHING = 10_000


class Mismatch(Exception):
    """The answer cannot be explained."""


@dataclass
class Ranking:
    """What a ranked list may look like: the scores that each id may have, and how the list is cut."""

    scores: dict[Any, list[float]]
    ascending: bool
    limit: int
    offset: int
    floor: float
    threshold: float | None = None

    def slack(self, score: float) -> float:
        """The tolerance around one score."""
        return RELATIVE * abs(score) + self.floor

    def close(self, a: float, b: float) -> bool:
        """Whether two scores are the same up to rounding."""
        return abs(a - b) <= max(self.slack(a), self.slack(b))

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` comes before `b` beyond doubt."""
        return not self.close(a, b) and (a < b) == self.ascending

    def passes(self, score: float) -> tuple[bool, bool]:
        """Whether the score passes the threshold certainly, and whether it may."""
        if self.threshold is None:
            return True, True
        near = self.close(score, self.threshold)
        beyond = score < self.threshold if self.ascending else score > self.threshold
        return beyond and not near, beyond or near


def check(ok: bool, why: str, *detail: Any) -> None:
    """Raise a mismatch unless `ok`."""
    if not ok:
        raise Mismatch(f"{why}: " + ", ".join(repr(d) for d in detail))


def valid_ranking(got: list[tuple[Any, float]], want: Ranking) -> None:
    """`got` is one of the lists that `want` allows."""
    ids = [i for i, _ in got]
    check(len(set(ids)) == len(ids), "an id twice", ids)
    sure = {i: s for i, s in want.scores.items() if all(want.passes(x)[0] for x in s)}
    maybe = {i: s for i, s in want.scores.items() if any(want.passes(x)[1] for x in s)}
    low, high = (min(want.limit, max(0, len(x) - want.offset)) for x in (sure, maybe))
    check(low <= len(got) <= high, "length", len(got), (low, high))
    for point, score in got:
        check(point in maybe, "an id that does not belong", point, score)
        check(any(want.close(score, s) for s in maybe[point]), "score", point, score, maybe[point])
    for (_, a), (_, b) in zip(got, got[1:], strict=False):
        check(not want.better(b, a), "order", a, b)
    if got:
        nothing_missing(got, sure, maybe, want)


def nothing_missing(got: list[tuple[Any, float]], sure: Any, maybe: Any, want: Ranking) -> None:
    """Exactly `offset` points that are not in the list come before it; no others are better than its last."""
    present = {i for i, _ in got}
    absent_sure = [s for i, s in sure.items() if i not in present]
    absent_maybe = [s for i, s in maybe.items() if i not in present]
    last, first = got[-1][1], got[0][1]
    before_last = sum(all(want.better(x, last) for x in s) for s in absent_sure)
    check(before_last <= want.offset, "a better point is missing", before_last, want.offset, last)
    before_first = sum(any(not want.better(first, x) for x in s) for s in absent_maybe)
    check(before_first >= want.offset, "the list starts too early", before_first, want.offset, first)


def same_json(a: Any, b: Any) -> bool:
    """Equal payloads, where 1 and 1.0 and true are three different things."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same_json(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def same_vector(a: Any, b: Any) -> bool:
    """Equal vectors of any kind, up to the rounding of a normalisation."""
    if isinstance(a, models.SparseVector) and isinstance(b, models.SparseVector):
        return a.indices == b.indices and same_vector(a.values, b.values)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_vector(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same_vector(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= 1e-6 + 1e-5 * abs(b)
    return a == b or (not a and not b and {type(a), type(b)} <= {dict, type(None)})


def same_points(got: Iterable[Any], want: Iterable[Any]) -> None:
    """Points that both lists hold carry the same payload and vectors."""
    known = {p.id: p for p in want}
    for point in got:
        other = known.get(point.id)
        if other is None:
            continue
        check(same_json(point.payload, other.payload), "payload", point.id, point.payload, other.payload)
        check(same_vector(point.vector, other.vector), "vector", point.id, point.vector, other.vector)


def pairs(points: Iterable[Any]) -> list[tuple[Any, float]]:
    """Ids and scores."""
    return [(p.id, p.score) for p in points]


def identical(got: list[tuple[Any, float]], want: list[tuple[Any, float]], floor: float) -> bool:
    """Same ids in the same order with the same scores."""
    if len(got) != len(want):
        return False
    near = (abs(a - b) <= RELATIVE * abs(b) + floor for (_, a), (_, b) in zip(got, want, strict=True))
    return all(near) and [i for i, _ in got] == [i for i, _ in want]


def full(request: Request) -> Request:
    """The same request without window and threshold: the whole ranking."""
    out = copy.copy(request)
    out.args = {k: v for k, v in request.args.items() if k not in ("offset", "score_threshold")}
    out.args.update(limit=EVERYTHING, with_payload=False, with_vectors=False)
    return out


def ranking(request: Request, points: Iterable[Any]) -> Ranking:
    """The ranking that `request` asks for, given all scored points."""
    return Ranking(
        scores={p.id: [p.score] for p in points},
        ascending=request.ascending,
        limit=request.args.get("limit") or 10,
        offset=request.args.get("offset") or 0,
        floor=request.floor,
        threshold=request.args.get("score_threshold"),
    )


def ranked(request: Request, got: Any, want: Any, ask: Callable[[Request], Any]) -> list[str]:
    """A scored list: equal, or a valid ordering of the whole ranking."""
    same_points(got.points, want.points)
    if identical(pairs(got.points), pairs(want.points), request.floor):
        return []
    valid_ranking(pairs(got.points), ranking(request, ask(full(request)).points))
    return ["tie"]


def records(value: Any) -> list[Any]:
    """The points of a query, a scroll or a retrieve."""
    if isinstance(value, tuple):
        return list(value[0])
    return list(value.points) if hasattr(value, "points") else list(value)


def exact(request: Request, got: Any, want: Any) -> list[str]:
    """No freedom at all: counts, facets, and lists by id."""
    if request.method == "count":
        check(got.count == want.count, "count", got.count, want.count)
        return []
    if request.method == "facet":
        ours = [(type(h.value), h.value, h.count) for h in got.hits]
        theirs = [(type(h.value), h.value, h.count) for h in want.hits]
        check(ours == theirs, "facet", ours, theirs)
        return []
    ours, theirs = ([p.id for p in records(v)] for v in (got, want))
    check(ours == theirs, "ids", ours, theirs)
    same_points(records(got), records(want))
    if request.method == "scroll":
        check(got[1] == want[1], "next page", got[1], want[1])
    scores = {getattr(p, "score", 1.0) for p in records(got)}
    check(scores <= {1.0}, "score without a query", scores)
    return []


def ordered(request: Request, got: Any, want: Any, ask: Callable[[Request], Any]) -> list[str]:
    """order_by: values must fall in place, points of equal value may swap and be cut."""
    same_points(records(got), records(want))
    ours, theirs = ([(p.order_value, p.id) for p in records(v)] for v in (got, want))
    check([v for v, _ in ours] == [v for v, _ in theirs], "order values", ours, theirs)
    if ours == theirs:
        return []
    every = {(p.order_value, p.id) for p in records(ask(full(request)))}
    check(len(set(ours)) == len(ours), "a value twice", ours)
    check(set(ours) <= every, "a value that the point does not have", set(ours) - every)
    return ["tie"]


def sample(request: Request, got: Any, ask: Callable[[Request], Any]) -> list[str]:
    """A random sample: right size, no repeats, only points that match."""
    every = {p.id for p in ask(full(request)).points}
    ids = [p.id for p in got.points]
    size = min(request.args["limit"], len(every))
    check(len(ids) == size and len(set(ids)) == size, "sample size", len(ids), size)
    check(set(ids) <= every, "sample outside of the filter", set(ids) - every)
    check({p.score for p in got.points} <= {1.0}, "sample score", pairs(got.points))
    return ["sample"]


def groups(request: Request, got: Any, want: Any, ask: Callable[[Request], Any]) -> list[str]:
    """Groups: the same best scores in order, each group with the scores that the full grouping gives it."""
    ours = [(type(g.id), g.id, pairs(g.hits)) for g in got.groups]
    theirs = [(type(g.id), g.id, pairs(g.hits)) for g in want.groups]
    for group in got.groups:
        other = next((g for g in want.groups if (type(g.id), g.id) == (type(group.id), group.id)), None)
        if other is not None:
            same_points(group.hits, other.hits)
            check(same_lookup(group.lookup, other.lookup), "lookup", group.id, group.lookup, other.lookup)
    same_ids = [g[:2] for g in ours] == [g[:2] for g in theirs]
    if same_ids and all(identical(a[2], b[2], request.floor) for a, b in zip(ours, theirs, strict=True)):
        return []
    check(len(ours) == len(theirs), "number of groups", ours, theirs)
    check(len({g[:2] for g in ours}) == len(ours), "a group twice", ours)
    whole = full(request)
    whole.args["score_threshold"] = request.args.get("score_threshold")
    expected = {(type(g.id), g.id): g for g in ask(whole).groups}
    whole.args["group_size"] = EVERYTHING
    members = {(type(g.id), g.id): g for g in ask(whole).groups}
    for (kind, group, hits), (_, _, place) in zip(ours, theirs, strict=True):
        check((kind, group) in expected, "a group that does not exist", group)
        size = len(expected[kind, group].hits)
        table = ranking(request, members[kind, group].hits)
        table.limit, table.offset, table.threshold = request.args["group_size"], 0, None
        check(len(hits) == size, "group size", group, hits, size)
        valid_ranking(hits, table)
        check(table.close(hits[0][1], place[0][1]), "order of groups", group, hits, place)
    return ["tie"]


def same_lookup(a: Any, b: Any) -> bool:
    """Equal looked-up records, or none."""
    if a is None or b is None:
        return a is None and b is None
    return a.id == b.id and same_json(a.payload, b.payload) and same_vector(a.vector, b.vector)


def matrix_rows(value: Any) -> dict[Any, list[tuple[Any, float]]]:
    """Either form of the distance matrix, as neighbours per id."""
    rows: dict[Any, list[tuple[Any, float]]] = {}
    if hasattr(value, "pairs"):
        for pair in value.pairs:
            rows.setdefault(pair.a, []).append((pair.b, pair.score))
        return rows
    for row, col, score in zip(value.offsets_row, value.offsets_col, value.scores, strict=True):
        rows.setdefault(value.ids[row], []).append((value.ids[col], score))
    return rows


def matrix(request: Request, got: Any, want: Any, ask: Callable[[Request], Any]) -> list[str]:
    """Every row is a valid nearest list within the sample."""
    if hasattr(got, "ids"):
        check(got.ids == want.ids, "matrix ids", got.ids, want.ids)
    ours, theirs = matrix_rows(got), matrix_rows(want)
    check(list(ours) == list(theirs), "matrix rows", list(ours), list(theirs))
    if all(identical(ours[i], theirs[i], request.floor) for i in ours):
        return []
    whole = copy.copy(request)
    whole.args = {**request.args, "limit": EVERYTHING}
    for point, row in matrix_rows(ask(whole)).items():
        scores = {i: [s] for i, s in row}
        limit = request.args["limit"]
        valid_ranking(ours[point], Ranking(scores, request.ascending, limit, 0, request.floor))
    return ["tie"]
