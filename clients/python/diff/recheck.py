"""The second, stricter look at answers that equality and ties do not settle, and the judge that calls both.

A prefetch tree whose answer differs is taken apart: each prefetch is compared as a request of its own, and the
merge is computed again from the lists that the server itself gives for them. A server whose lists agree up to
ties and whose merge agrees exactly with its own lists is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from qdrant_client import models
from qdrant_client.local.distances import calculate_distance_core, scaled_fast_sigmoid
from qdrant_client.local.local_collection import _merge_filters, ignore_mentioned_ids_filter
from qdrant_client.local.multi_distances import calculate_multi_distance_core
from qdrant_client.local.sparse import sort_sparse_vector
from qdrant_client.local.sparse_distances import calculate_distance_sparse

from diff import compare
from diff.compare import EVERYTHING, Mismatch, check, identical, pairs, ranking, valid_ranking
from diff.data import F32_ULP, Collection, Slot
from diff.queries import Request, floor_of, is_custom, strategy_of
from diff.subjects import Answer, Memory, Subject, as_list, own_ids, tree_ids


def dbsf_floor(sources: list[Any]) -> float:
    """What f32 arithmetic may cost DBSF: a few roundings of the largest score, divided by the spread of the source."""
    total = 0.0
    for source in sources:
        scores = [p.score for p in source]
        spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        if spread > 0:
            total += 8 * F32_ULP * max(map(abs, scores)) / spread
    return total


def stripped(points: list[models.ScoredPoint]) -> list[models.ScoredPoint]:
    """Points with nothing but their ids and scores."""
    return [models.ScoredPoint(id=p.id, version=0, score=p.score) for p in points]


class Judge:
    """Compares the answers of two subjects; the second one is the in-memory mode and is asked again in doubt."""

    def __init__(self, server: Subject, memory: Memory, world: dict[str, Collection]) -> None:
        self.server = server
        self.memory = memory
        self.world = world

    # -- the verdict -------------------------------------------------------------------------------

    def judge(self, request: Request, got: Answer, want: Answer) -> list[str]:
        """The explanations that were needed, none for equality. Raises `Mismatch`."""
        check(got.broken is None, "the server failed", got.broken)
        check(want.broken is None, "the in-memory mode failed", want.broken)
        check((got.refused is None) == (want.refused is None), "one side refused", got.refused, want.refused)
        if got.refused is not None:
            return ["refused"]
        if request.rule == "batch":
            check(len(got.value) == len(want.value) == len(request.parts), "answers in a batch", len(got.value))
            notes: list[str] = []
            for part, ours, theirs in zip(request.parts, got.value, want.value, strict=True):
                notes += self.values(part, ours, theirs)
            return notes
        return self.values(request, got.value, want.value)

    def values(self, request: Request, got: Any, want: Any) -> list[str]:
        """Compare two answers by the rule of the request."""
        if request.rule == "exact":
            return compare.exact(request, got, want)
        if request.rule == "ordered":
            return compare.ordered(request, got, want, self.ask)
        if request.rule == "sample":
            return compare.sample(request, got, self.ask)
        if request.rule == "groups":
            return self.groups(request, got, want)
        if request.rule == "matrix":
            return compare.matrix(request, got, want, self.ask)
        compare.same_points(got.points, want.points)
        if request.rule == "mmr":
            return self.mmr(request, got, want)
        try:
            return compare.ranked(request, got, want, self.ask)
        except Mismatch:
            return self.tree(request, got) if request.rule == "tree" else self.near_tie(request, got)

    def ask(self, request: Request) -> Any:
        """The in-memory mode's answer to another request."""
        return self.memory.call(request)

    # -- near ties ---------------------------------------------------------------------------------

    def local(self, request: Request) -> Any:
        """The in-memory collection of a request."""
        return self.memory.client._client._get_collection(request.collection)

    def slot(self, request: Request) -> Slot:
        """The vector slot that a request searches."""
        return self.world[request.collection].slot(request.args.get("using") or "")

    def resolved(self, request: Request) -> Any:
        """The query of a request with its ids replaced by vectors."""
        args = request.args
        query = args.get("query")
        if isinstance(query, models.RelevanceFeedbackQuery):
            query = query.model_copy(deep=True)
            place = args.get("lookup_from") or models.LookupLocation(collection=request.collection)
            self.memory.resolve_feedback(query, place, args.get("using"))
            return query
        client = self.memory.client._client
        return client._resolve_query_input(request.collection, query, args.get("using"), args.get("lookup_from"))[0]

    def similarities(self, request: Request, vector: Any) -> dict[Any, float]:
        """The internal similarity of every point to `vector`."""
        local, slot = self.local(request), self.slot(request)
        if slot.kind == "sparse":
            ready = sort_sparse_vector(local._rescore_idf(vector, slot.name) if slot.idf else vector)
            sims = calculate_distance_sparse(ready, local.sparse_vectors[slot.name], empty_is_zero=True)
        elif slot.kind == "multi":
            sims = calculate_multi_distance_core(np.array(vector), local.multivectors[slot.name], slot.distance)
        else:
            stored = local.vectors[slot.name][: len(local.ids_inv)].copy()
            sims = calculate_distance_core(np.array(vector), stored, slot.distance)
        return dict(zip(local.ids_inv, map(float, sims), strict=False))

    def alternatives(self, request: Request, points: list[Any]) -> dict[Any, list[float]]:
        """The scores that each point may have, given that f32 may see two close similarities either way round."""
        out = {p.id: [p.score] for p in points}
        query = request.args.get("query")
        if isinstance(query, models.DiscoverQuery):
            context = self.resolved(request).discover.context
            for pair in context if isinstance(context, list) else [context]:
                high, low = (self.similarities(request, v) for v in (pair.positive, pair.negative))
                for point, scores in out.items():
                    if abs(high[point] - low[point]) <= 2 * request.floor + 1e-6 * abs(high[point]):
                        out[point] = [s + d for s in scores for d in (-2, -1, 0, 1, 2)]
        elif strategy_of(query) == "best_score":
            body = self.resolved(request).recommend
            if body.positive and body.negative:
                best, worst = (self.best(request, v) for v in (body.positive, body.negative))
                for point in out:
                    if abs(best[point] - worst[point]) <= 2 * request.floor + 1e-6 * abs(best[point]):
                        liked = scaled_fast_sigmoid(np.float32(best[point]))
                        disliked = -scaled_fast_sigmoid(np.float32(worst[point]))
                        out[point] = [float(liked), float(disliked)]
        return out

    def best(self, request: Request, vectors: list[Any]) -> dict[Any, float]:
        """The largest similarity of every point to any of `vectors`."""
        tables = [self.similarities(request, v) for v in vectors]
        return {point: max(t[point] for t in tables) for point in tables[0]}

    def near_tie(self, request: Request, got: Any) -> list[str]:
        """Check the list again, with the alternative scores of near-ties."""
        points = self.ask(compare.full(request)).points
        want = ranking(request, points)
        want.scores = self.alternatives(request, points)
        valid_ranking(pairs(got.points), want)
        return ["rounding-tie"]

    # -- prefetch trees ----------------------------------------------------------------------------

    def part(self, request: Request, node: models.Prefetch, ids: list[Any]) -> Request:
        """A prefetch as a request of its own, with what the tree around it adds to its filter."""
        outer = request.args.get("query_filter")
        filters = ignore_mentioned_ids_filter(_merge_filters(outer, node.filter), list(ids))
        args = {
            "query": node.query,
            "using": node.using,
            "prefetch": node.prefetch,
            "query_filter": filters,
            "limit": node.limit or 10,
            "score_threshold": node.score_threshold,
            "search_params": node.params,
            "lookup_from": node.lookup_from,
            "with_payload": False,
        }
        out = Request("prefetch", "query_points", request.collection, args, "exact")
        if isinstance(node.query, models.OrderByQuery):
            out.rule = "ordered"
        elif isinstance(node.query, models.NearestQuery) and node.query.mmr is not None:
            out.rule = "mmr"
        elif node.query is not None:
            out.rule = "tree" if node.prefetch else "ranked"
        if not isinstance(node.query, models.FormulaQuery | models.FusionQuery | models.RrfQuery | None):
            self.tune(out)
        return out

    def tune(self, request: Request) -> None:
        """Set tolerance and direction of a vector query."""
        query = request.args["query"]
        if isinstance(query, models.OrderByQuery | models.SampleQuery):
            return
        slot = self.slot(request)
        request.floor = floor_of(query, slot)
        request.ascending = slot.ascending and not is_custom(query)

    def tree(self, request: Request, got: Any) -> list[str]:
        """Take a prefetch tree apart."""
        sources, ids = self.sources(request)
        self.merged(request, got, sources, ids)
        return ["tie-in-prefetch"]

    def sources(self, request: Request) -> tuple[list[Any], list[Any]]:
        """The server's list for each prefetch, each judged as a request of its own, and the ids that are left out."""
        nodes = as_list(request.args.get("prefetch"))
        ids = tree_ids(nodes, request.collection)
        ids += own_ids(request.args.get("query"), request.args.get("lookup_from"), request.collection)
        sources = []
        for node in nodes:
            part = self.part(request, node, ids)
            ours, theirs = self.server.run(part), self.memory.run(part)
            self.judge(part, ours, theirs)
            check(ours.refused is None, "a prefetch alone was refused", ours.refused)
            sources.append(ours.value.points)
        if self.server.speaks_f32:
            for point in (p for source in sources for p in source):
                point.score = float(np.float32(point.score))
        return sources, ids

    def merged(self, request: Request, got: Any, sources: list[Any], ids: list[Any]) -> None:
        """Compute the merge from the server's own lists and compare."""
        query = self.resolved(request)
        spread = dbsf_floor(sources) if isinstance(query, models.FusionQuery) else 0.0
        outer = ignore_mentioned_ids_filter(request.args.get("query_filter"), list(ids))
        points = self.local(request)._merge_sources(
            sources=sources,
            query=query,
            limit=EVERYTHING,
            offset=0,
            using=request.args.get("using"),
            query_filter=outer,
            with_payload=False,
        )
        want = ranking(request, points)
        want.floor += spread
        if not isinstance(query, models.FormulaQuery | models.FusionQuery | models.RrfQuery):
            want.scores = self.alternatives(request, points)
        valid_ranking(pairs(got.points), want)

    # -- groups ------------------------------------------------------------------------------------

    def groups(self, request: Request, got: Any, want: Any) -> list[str]:
        """Groups; those over prefetches may also be the server's own ungrouped list, judged as a tree and grouped."""
        try:
            return compare.groups(request, got, want, self.ask)
        except Mismatch:
            if not request.args.get("prefetch"):
                raise
        grouping = ("group_by", "group_size", "with_lookup")
        flat = Request("tree", "query_points", request.collection, {}, "tree", request.floor, request.ascending)
        flat.args = {k: v for k, v in request.args.items() if k not in grouping}
        flat.args.update(limit=EVERYTHING, with_payload=False, with_vectors=False)
        ours = self.server.run(flat)
        self.judge(flat, ours, self.memory.run(flat))
        bare = models.GroupsResult(groups=[models.PointGroup(id=g.id, hits=stripped(g.hits)) for g in got.groups])

        def regrouped(asked: Request) -> models.GroupsResult:
            return self.grouped(asked, stripped(ours.value.points))

        compare.groups(request, bare, regrouped(request), regrouped)
        return ["tie-in-prefetch"]

    def grouped(self, request: Request, points: list[models.ScoredPoint]) -> models.GroupsResult:
        """A ranked list as groups (wire.md 3.16)."""
        local = self.local(request)
        groups: dict[Any, models.PointGroup] = {}
        for point in points:
            payload = local.payload[local.ids[point.id]]
            for name in local._group_ids(payload, request.args["group_by"]) or []:
                group = groups.setdefault(name, models.PointGroup(id=name, hits=[]))
                if len(group.hits) < request.args["group_size"]:
                    group.hits.append(point)
        return models.GroupsResult(groups=list(groups.values())[: request.args["limit"]])

    # -- MMR ---------------------------------------------------------------------------------------

    def mmr(self, request: Request, got: Any, want: Any) -> list[str]:
        """Equal, or every pick is a best one given the picks before it."""
        if identical(pairs(got.points), pairs(want.points), request.floor):
            return []
        whole = Request(request.kind, request.method, request.collection, {**request.args, "offset": 0}, "mmr")
        picks = self.server.call(whole).points
        skip = request.args.get("offset") or 0
        check(pairs(picks)[skip:] == pairs(got.points), "offset is a cut", pairs(picks), pairs(got.points))
        mmr = request.args["query"].mmr
        limit = request.args["limit"]
        nearest = Request("nearest", request.method, request.collection, dict(request.args), "ranked")
        nearest.args["query"] = models.NearestQuery(nearest=request.args["query"].nearest)
        nearest.args.update(limit=EVERYTHING, offset=0)
        if request.args.get("prefetch"):
            sources, _ = self.sources(request)
            only = models.HasIdCondition(has_id=sorted({p.id for s in sources for p in s}, key=str))
            nearest.args.update(prefetch=None, query_filter=models.Filter(must=[only]))
        every = self.ask(nearest).points
        candidates = every[: mmr.candidates_limit or limit]
        check(len(picks) == min(limit, len(candidates)), "number of picks", len(picks), len(candidates))
        lam = 1 - (0.5 if mmr.diversity is None else mmr.diversity)
        self.greedy(request, pairs(picks), every, len(candidates), lam)
        return ["mmr-tie"]

    def closeness(self, request: Request, candidates: Iterable[Any], chosen: Any) -> dict[Any, float]:
        """The similarity of each candidate to a chosen point. That of two multi vectors depends on which one asks."""
        if self.slot(request).kind != "multi":
            return self.similarities(request, chosen)
        local, slot = self.local(request), self.slot(request)
        stored = [np.array(chosen)]
        asking = {c: np.array(local._vector_by_point_id(slot.name, c)) for c in candidates}
        return {c: float(calculate_multi_distance_core(v, stored, slot.distance)[0]) for c, v in asking.items()}

    def greedy(self, request: Request, picks: Any, every: list[Any], count: int, lam: float) -> None:
        """Replay the selection: no certain candidate beats the pick. Ties at the cut are candidates perhaps."""
        cut = every[count - 1].score if count else 0.0
        table = ranking(request, every)
        sure = {p.id for p in every if table.better(p.score, cut)}
        maybe = {p.id for p in every if not table.better(cut, p.score)}
        query = self.resolved(request).nearest
        local, name = self.local(request), request.args.get("using") or ""
        relevance = self.similarities(request, query)
        chosen: list[dict[Any, float]] = []

        def marginal(point: Any) -> float:
            if not chosen:
                return relevance[point]
            return lam * relevance[point] - (1 - lam) * max(sims[point] for sims in chosen)

        for point, score in picks:
            check(point in maybe, "a pick that is no candidate", point)
            check(
                table.close(score, table.scores[point][0]),
                "score of a pick",
                point,
                score,
                table.scores[point],
            )
            best = max([marginal(p) for p in sure] or [marginal(point)])
            check(marginal(point) >= best - 2 * table.slack(best), "a better pick", point, marginal(point), best)
            sure.discard(point)
            maybe.discard(point)
            chosen.append(self.closeness(request, maybe, local._vector_by_point_id(name, point)))
