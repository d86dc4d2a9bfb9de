"""Random read requests: every query kind, prefetch trees, groups, scroll, count, facet, retrieve, matrix.

A `Request` names a method of the official client and its arguments, and says how its answer is to be judged.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qdrant_client import models

from diff import filters, formulas
from diff.data import INDEXES, Collection, Point, Slot, f32, vector

#: Larger than every collection: "all of it".
ALL = 1000
#: Where an order by time starts, when it does not start at the beginning.
START = dt.datetime(2005, 1, 1, tzinfo=dt.UTC)


@dataclass
class Request:
    """One call of the client. `rule` chooses the comparison, `floor` is the absolute score tolerance."""

    kind: str
    method: str
    collection: str
    args: dict[str, Any]
    rule: str = "ranked"
    floor: float = 1e-6
    ascending: bool = False
    parts: list[Request] = field(default_factory=list)


@dataclass
class Asked:
    """A vector query and where its ids are looked up."""

    kind: str
    query: Any
    lookup: models.LookupLocation | None = None


def strategy_of(query: Any) -> str | None:
    """The strategy of a recommend query, with its default, or None for other queries."""
    if not isinstance(query, models.RecommendQuery):
        return None
    return str((query.recommend.strategy or models.RecommendStrategy.AVERAGE_VECTOR).value)


def is_custom(query: Any) -> bool:
    """Whether the query reports a formula over similarities, descending on every distance (wire.md 3.2)."""
    kinds = (models.DiscoverQuery, models.ContextQuery, models.RelevanceFeedbackQuery)
    return isinstance(query, kinds) or strategy_of(query) in ("best_score", "sum_scores")


def terms(query: Any, slot: Slot) -> float:
    """How many similarities add up in one score of `query`, weighted: the factor on the rounding of one."""
    if isinstance(query, models.RecommendQuery):
        count = len(query.recommend.positive or []) + len(query.recommend.negative or [])
        return count if slot.kind == "multi" or is_custom(query) else 3.0
    if isinstance(query, models.ContextQuery):
        return 2.0 * (len(query.context) if isinstance(query.context, list) else 1)
    if isinstance(query, models.RelevanceFeedbackQuery):
        naive = query.relevance_feedback.strategy.naive
        scores = [item.score for item in query.relevance_feedback.feedback]
        weight = sum(2 * (p - q) ** naive.b * abs(naive.c) for p in scores for q in scores if p > q)
        return abs(naive.a) + weight
    return 1.0


def floor_of(query: Any, slot: Slot) -> float:
    """The absolute tolerance of a score of `query` over `slot`."""
    return max(1e-6, slot.floor * max(1.0, terms(query, slot)))


def widen(nodes: list[models.Prefetch] | None) -> None:
    """Raise the limit of every prefetch of a tree beyond the size of any collection."""
    for node in nodes or []:
        node.limit = ALL
        widen(node.prefetch)


class Queries:
    """The generator of read requests over a world of collections."""

    def __init__(self, rng: random.Random, world: dict[str, Collection]) -> None:
        self.rng = rng
        self.world = world
        self.fixed = [c for c in world.values() if not c.mutable]

    # -- examples ----------------------------------------------------------------------------------

    def lookup(self, collection: Collection, slot: Slot) -> tuple[models.LookupLocation | None, list[Point], str]:
        """Where the example ids of this query live: usually here, sometimes in the partner collection."""
        if collection.partner is None or self.rng.random() > 0.2:
            return None, collection.with_vector(slot.name), slot.name
        other = self.world[collection.partner]
        fits = [s.name for s in other.slots if s.kind == slot.kind and s.dim == slot.dim and s.style == slot.style]
        name = self.rng.choice(fits)
        explicit = name != slot.name or self.rng.random() < 0.5
        place = models.LookupLocation(collection=other.name, vector=name if explicit else None)
        return place, other.with_vector(name), name

    def source(self, collection: Collection, slot: Slot) -> tuple[Callable[[], Any], models.LookupLocation | None]:
        """A function that draws examples for `slot`, ids and raw vectors mixed."""
        place, points, _ = self.lookup(collection, slot)
        share = self.rng.choice([0.0, 0.5, 1.0]) if place is None else 0.8

        def draw() -> Any:
            if points and self.rng.random() < share:
                return self.rng.choice(points).id
            return vector(self.rng, slot)

        return draw, place

    # -- vector queries ----------------------------------------------------------------------------

    def nearest(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Nearest, bare or as an object."""
        raw = draw()
        return Asked("nearest", raw if self.rng.random() < 0.5 else models.NearestQuery(nearest=raw))

    def average(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Recommend with average_vector, which is also the default; also refused without positives."""
        many = slot.exact_average()
        positive = [draw() for _ in range(self.rng.randint(1, 3) if many else 1)]
        negative = [draw() for _ in range(self.rng.randint(0, 2) if many else 0)]
        if self.rng.random() < 0.02:
            positive, negative = [], [draw()]
        strategy = self.rng.choice([None, models.RecommendStrategy.AVERAGE_VECTOR])
        body = models.RecommendInput(positive=positive, negative=negative or None, strategy=strategy)
        return Asked("average_vector", models.RecommendQuery(recommend=body))

    def scored(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Recommend with best_score or sum_scores, either list possibly empty."""
        strategy = self.rng.choice([models.RecommendStrategy.BEST_SCORE, models.RecommendStrategy.SUM_SCORES])
        positive = [draw() for _ in range(self.rng.randint(0, 3))]
        negative = [draw() for _ in range(self.rng.randint(0 if positive else 1, 3))]
        body = models.RecommendInput(positive=positive or None, negative=negative or None, strategy=strategy)
        return Asked(str(strategy.value), models.RecommendQuery(recommend=body))

    def pairs(self, draw: Callable[[], Any], least: int) -> list[models.ContextPair]:
        """Context pairs."""
        count = self.rng.randint(least, 3)
        return [models.ContextPair(positive=draw(), negative=draw()) for _ in range(count)]

    def discover(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Discover with zero to three pairs, one of them possibly without a list around it."""
        context: Any = self.pairs(draw, 0)
        if len(context) == 1 and self.rng.random() < 0.5:
            context = context[0]
        body = models.DiscoverInput(target=draw(), context=context)
        return Asked("discover", models.DiscoverQuery(discover=body))

    def context(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Context with one to three pairs."""
        pairs = self.pairs(draw, 1)
        return Asked("context", models.ContextQuery(context=pairs))

    def feedback(self, draw: Callable[[], Any], slot: Slot) -> Asked:
        """Relevance feedback with ties among the scores and negative coefficients."""
        scores = [self.rng.randint(-10, 10) / 10 for _ in range(self.rng.randint(1, 4))]
        items = [models.FeedbackItem(example=draw(), score=s) for s in scores]
        a, b, c = self.rng.uniform(-1, 2), self.rng.choice([0.0, 0.5, 1.0, 1.5, 2.0]), self.rng.uniform(-1, 1)
        naive = models.NaiveFeedbackStrategyParams(a=f32(a), b=b, c=f32(c))
        strategy = models.NaiveFeedbackStrategy(naive=naive)
        body = models.RelevanceFeedbackInput(target=draw(), feedback=items, strategy=strategy)
        return Asked("feedback", models.RelevanceFeedbackQuery(relevance_feedback=body))

    def vector_query(self, collection: Collection) -> tuple[Slot, Asked]:
        """A random vector query on a random slot."""
        slot = self.rng.choice(collection.slots)
        draw, place = self.source(collection, slot)
        makers = [
            self.nearest,
            self.average,
            self.scored,
            self.scored,
            self.discover,
            self.context,
            self.feedback,
        ]
        asked = self.rng.choice(makers)(draw, slot)
        asked.lookup = place
        return slot, asked

    def diverse(self, collection: Collection) -> tuple[Slot, Asked]:
        """Nearest with MMR; sparse slots with idf are left out (explained.MMR_IDF)."""
        slot = self.rng.choice([s for s in collection.slots if not s.idf])
        draw, place = self.source(collection, slot)
        spread = models.Mmr(
            diversity=self.rng.choice([None, 0.0, 0.25, 0.5, 0.75]),
            candidates_limit=self.rng.choice([None, 10, 40]),
        )
        return slot, Asked("mmr", models.NearestQuery(nearest=draw(), mmr=spread), place)

    def threshold(self, slot: Slot, asked: Asked) -> float:
        """A threshold somewhere among the scores that this query gives."""
        if asked.kind in ("best_score", "context"):
            return f32(self.rng.uniform(-0.9, 0.7))
        if asked.kind == "discover":
            return f32(self.rng.uniform(-1.5, 2))
        size = {"bytes": 15.0, "lattice": 3.0}.get(slot.style, 1.0)
        if not is_custom(asked.query) and slot.ascending:
            return f32(self.rng.uniform(0.5, 3) * size)
        return f32(self.rng.uniform(-1, 1) * terms(asked.query, slot) * size)

    # -- requests ----------------------------------------------------------------------------------

    def selectors(self, collection: Collection) -> dict[str, Any]:
        """What to return with each point."""
        payload: Any = self.rng.choice(
            [
                False,
                False,
                True,
                ["year", "meta.b"],
                models.PayloadSelectorInclude(include=["items[].tag", '"a.b"', "color"]),
                models.PayloadSelectorExclude(exclude=["text", "meta.a", "items[].n", "city"]),
            ]
        )
        out = {"with_payload": payload}
        if self.rng.random() < 0.1:
            names = [s.name for s in collection.slots]
            out["with_vectors"] = self.rng.choice([True, [self.rng.choice(names)] if names != [""] else True])
        return out

    def window(self) -> dict[str, int]:
        """Limit and offset."""
        out = {"limit": self.rng.choice([1, 3, 10, 10, 20, ALL])}
        if self.rng.random() < 0.25:
            out["offset"] = self.rng.randint(0, 12)
        return out

    def params(self) -> models.SearchParams | None:
        """How to search, sometimes: over collections this small, every setting must give the exact answer."""
        if self.rng.random() > 0.2:
            return None
        out = models.SearchParams(hnsw_ef=self.rng.choice([None, 1, 64]), exact=self.rng.choice([None, False, True]))
        if self.rng.random() < 0.5:
            out.quantization = models.QuantizationSearchParams(
                ignore=self.rng.choice([None, True]),
                rescore=self.rng.choice([None, False, True]),
                oversampling=self.rng.choice([None, 1.0, 2.5]),
            )
        if self.rng.random() < 0.3:
            out.acorn = models.AcornSearchParams(enable=True, max_selectivity=self.rng.choice([None, 0.0, 1.0]))
        if self.rng.random() < 0.3:
            out.indexed_only = self.rng.choice([False, True])
        return out

    def plain(self, collection: Collection) -> Request:
        """A vector query without prefetch."""
        slot, asked = self.vector_query(collection)
        args = {"query": asked.query, **self.window(), **self.selectors(collection)}
        args["query_filter"] = filters.maybe_filter(self.rng, collection)
        args["search_params"] = self.params()
        if slot.name:
            args["using"] = slot.name
        if asked.lookup is not None:
            args["lookup_from"] = asked.lookup
        if self.rng.random() < 0.2:
            args["score_threshold"] = self.threshold(slot, asked)
        return self.ranked(asked, slot, collection, args)

    def ranked(self, asked: Asked, slot: Slot, collection: Collection, args: dict[str, Any]) -> Request:
        """Wrap the arguments of a vector query."""
        ascending = slot.ascending and not is_custom(asked.query)
        floor = floor_of(asked.query, slot)
        return Request(asked.kind, "query_points", collection.name, args, "ranked", floor, ascending)

    def mmr(self, collection: Collection) -> Request:
        """MMR over a whole collection."""
        slot, asked = self.diverse(collection)
        args: dict[str, Any] = {"query": asked.query, **self.window(), "search_params": self.params()}
        args["limit"] = min(args["limit"], 15)
        args["query_filter"] = filters.maybe_filter(self.rng, collection)
        args["using"] = slot.name or None
        args["lookup_from"] = asked.lookup
        return Request("mmr", "query_points", collection.name, args, "mmr", slot.floor, slot.ascending)

    def listing(self, collection: Collection) -> Request:
        """No query at all: points by id."""
        args = {**self.window(), **self.selectors(collection)}
        args["query_filter"] = filters.maybe_filter(self.rng, collection)
        return Request("no_query", "query_points", collection.name, args, "exact")

    def order(self, *more: str) -> models.OrderBy:
        """Order by an indexed field: one with single values, or one of `more`."""
        key = self.rng.choice(["year", "price", "when", "meta.a", *more])
        start: Any = {"price": 20.5, "when": START, "meta.a": 2}.get(key, 1912)
        direction = self.rng.choice([None, models.Direction.ASC, models.Direction.DESC])
        order = models.OrderBy(key=key, direction=direction)
        if self.rng.random() < 0.3:
            order.start_from = start
        return order

    def ordered(self, collection: Collection) -> Request:
        """order_by as a query."""
        args = {
            "query": models.OrderByQuery(order_by=self.order()),
            **self.window(),
            **self.selectors(collection),
        }
        args["query_filter"] = filters.maybe_filter(self.rng, collection)
        return Request("order_by", "query_points", collection.name, args, "ordered")

    def sample(self, collection: Collection) -> Request:
        """A random sample: judged by its properties."""
        args = {
            "query": models.SampleQuery(sample=models.Sample.RANDOM),
            "limit": self.rng.choice([1, 10, ALL]),
        }
        args["query_filter"] = filters.maybe_filter(self.rng, collection)
        return Request("sample", "query_points", collection.name, args, "sample")

    def batch(self, collection: Collection) -> Request:
        """Several queries in one call."""
        parts = [
            self.rng.choice([self.plain, self.plain, self.tree])(collection) for _ in range(self.rng.randint(2, 6))
        ]
        return Request("batch", "query_batch_points", collection.name, {}, "batch", parts=parts)

    def groups(self, collection: Collection) -> Request:
        """Groups over a vector query, a prefetch tree or nothing, sometimes with a lookup of the group's own point."""
        inner = self.rng.choice([self.plain, self.plain, self.plain, self.listing, self.wide_tree])(collection)
        args = {k: v for k, v in inner.args.items() if k != "offset"}
        args["limit"] = self.rng.choice([1, 3, 10])
        args["group_by"] = self.rng.choice(["brand", "group", "color", "meta.a", "tags[]", "items[].tag", "code"])
        args["group_size"] = self.rng.randint(1, 4)
        if self.rng.random() < 0.3 and "prefetch" not in args:
            place = models.WithLookup(collection="library", with_payload=["rank"], with_vectors=False)
            args["with_lookup"] = self.rng.choice(["library", place])
        name = f"groups/{inner.kind}"
        return Request(name, "query_points_groups", inner.collection, args, "groups", inner.floor, inner.ascending)

    def scroll(self, collection: Collection) -> Request:
        """Scroll by id or by value; by value also over arrays, where a point appears once per value."""
        args: dict[str, Any] = {"limit": self.rng.choice([1, 5, 20, ALL]), **self.selectors(collection)}
        args["scroll_filter"] = filters.maybe_filter(self.rng, collection, 0.6)
        if self.rng.random() < 0.3:
            args["order_by"] = self.order("years", "years")
            return Request("scroll/order_by", "scroll", collection.name, args, "ordered")
        if self.rng.random() < 0.4:
            args["offset"] = self.rng.choice([self.rng.choice(collection.points).id, 2000])
        return Request("scroll", "scroll", collection.name, args, "exact")

    def count(self, collection: Collection) -> Request:
        """An exact count."""
        args = {"count_filter": filters.maybe_filter(self.rng, collection, 0.9), "exact": True}
        return Request("count", "count", collection.name, args, "exact")

    def facet(self, collection: Collection) -> Request:
        """An exact facet over a field with a fitting index."""
        args = {
            "key": self.rng.choice([k for k in INDEXES if k not in ("price", "when", "years")]),
            "exact": True,
        }
        args["limit"] = self.rng.choice([2, 10, 100])
        args["facet_filter"] = filters.maybe_filter(self.rng, collection, 0.5)
        return Request("facet", "facet", collection.name, args, "exact")

    def retrieve(self, collection: Collection) -> Request:
        """Points by id, in request order, without duplicates (explained.DUPLICATE_IDS)."""
        ids = [p.id for p in self.rng.sample(collection.points, 5)]
        args = {"ids": [*ids, 424_242_424_242], **self.selectors(collection)}
        return Request("retrieve", "retrieve", collection.name, args, "exact")

    def matrix(self, collection: Collection) -> Request:
        """The distance matrix of a handful of points: the sample takes them all, so it is not random."""
        slot = self.rng.choice([s for s in collection.slots if not s.idf])
        few = self.rng.sample(collection.points, self.rng.randint(1, 9))
        only = models.Filter(must=[models.HasIdCondition(has_id=[p.id for p in few])])
        args: dict[str, Any] = {"query_filter": only, "sample": 50, "limit": self.rng.choice([1, 3, 20])}
        args["using"] = slot.name or None
        method = self.rng.choice(["search_matrix_pairs", "search_matrix_offsets"])
        return Request("matrix", method, collection.name, args, "matrix", slot.floor, slot.ascending)

    # -- prefetch trees ----------------------------------------------------------------------------

    def leaf(self, collection: Collection) -> models.Prefetch:
        """A prefetch without prefetches of its own."""
        out = models.Prefetch(limit=self.rng.choice([None, 5, 20, 40]))
        out.filter = filters.maybe_filter(self.rng, collection, 0.3)
        pick = self.rng.random()
        if pick < 0.05:
            return out
        if pick < 0.12:
            out.query = models.OrderByQuery(order_by=self.order())
            return out
        slot, asked = self.diverse(collection) if pick < 0.18 else self.vector_query(collection)
        out.query, out.using, out.lookup_from = asked.query, slot.name or None, asked.lookup
        out.params = self.params()
        if asked.kind != "mmr" and self.rng.random() < 0.1:
            out.score_threshold = self.threshold(slot, asked)
        return out

    def node(self, collection: Collection, depth: int) -> models.Prefetch:
        """A prefetch that may merge others."""
        if depth == 0 or self.rng.random() < 0.6:
            return self.leaf(collection)
        inner = [self.node(collection, depth - 1) for _ in range(self.rng.randint(1, 3))]
        top, slot, asked = self.merger(collection, inner)
        out = models.Prefetch(prefetch=inner, query=top, limit=self.rng.choice([None, 5, 20]))
        if slot is not None and asked is not None:
            out.using, out.lookup_from = slot.name or None, asked.lookup
        if self.rng.random() < 0.15:
            out.filter = filters.plain_filter(self.rng, collection)
        return out

    def merger(self, collection: Collection, inner: list[models.Prefetch]) -> tuple[Any, Slot | None, Asked | None]:
        """The query that merges prefetches: fusion, formula, or a vector query that scores them again."""
        pick = self.rng.random()
        if pick < 0.15:
            return models.FusionQuery(fusion=models.Fusion.RRF), None, None
        if pick < 0.35:
            weights = [self.rng.choice([0.0, 0.5, 1.0, 2.5]) for _ in inner] if self.rng.random() < 0.5 else None
            return (
                models.RrfQuery(rrf=models.Rrf(k=self.rng.choice([None, 1, 10, 60]), weights=weights)),
                None,
                None,
            )
        if pick < 0.5:
            return models.FusionQuery(fusion=models.Fusion.DBSF), None, None
        if pick < 0.75:
            return formulas.formula(self.rng, collection, len(inner)), None, None
        slot, asked = self.diverse(collection) if pick < 0.79 else self.vector_query(collection)
        return asked.query, slot, asked

    def wide_tree(self, collection: Collection) -> Request:
        """A tree whose prefetches all hold everything: only then do both sides group the same (GROUPS_PREFETCH)."""
        while True:
            request = self.tree(collection)
            if "mmr" not in repr(request.args):
                widen(request.args["prefetch"])
                return request

    def tree(self, collection: Collection) -> Request:
        """A request with prefetches, one to three levels deep."""
        inner = [self.node(collection, self.rng.choice([0, 0, 1, 2])) for _ in range(self.rng.randint(1, 3))]
        top, slot, asked = self.merger(collection, inner)
        args = {"prefetch": inner, "query": top, **self.window(), **self.selectors(collection)}
        if self.rng.random() < 0.3:
            args["query_filter"] = filters.plain_filter(self.rng, collection)
        if slot is not None and asked is not None:
            args["using"], args["lookup_from"] = slot.name or None, asked.lookup
            args["search_params"] = self.params()
            if asked.kind == "mmr":
                args["limit"] = min(args["limit"], 15)
            request = self.ranked(asked, slot, collection, args)
            request.kind, request.rule = f"rescore/{asked.kind}", "mmr" if asked.kind == "mmr" else "tree"
            return request
        if self.rng.random() < 0.15:
            args["score_threshold"] = f32(self.rng.uniform(0, 1))
        kind = "formula" if isinstance(top, models.FormulaQuery) else "fusion"
        return Request(kind, "query_points", collection.name, args, "tree")

    def invalid(self, collection: Collection) -> Request:
        """A request that both sides must refuse."""
        slot = self.rng.choice(collection.slots)
        vec = vector(self.rng, slot)
        bad: list[dict[str, Any]] = [
            {"query": 4_040_404, "using": slot.name or None},
            {"query": vec, "using": "no-such-vector"},
            {"query": vec, "using": slot.name or None, "limit": 0},
            {"prefetch": [models.Prefetch(query=vec, using=slot.name or None)]},
            {"score_threshold": 0.5},
            {"query": models.OrderByQuery(order_by="year"), "score_threshold": 0.5},
            {"query": models.FusionQuery(fusion=models.Fusion.RRF)},
            {
                "query": vec,
                "using": slot.name or None,
                "lookup_from": models.LookupLocation(collection="none"),
            },
        ]
        args = self.rng.choice(bad)
        if "lookup_from" in args:
            args["query"] = collection.points[0].id
        return Request("invalid", "query_points", collection.name, args, "ranked", ascending=slot.ascending)

    def any(self) -> Request:
        """The next request, kinds weighted by how much there is to get wrong."""
        collection = self.rng.choice(self.fixed)
        table: list[tuple[int, Callable[[Collection], Request]]] = [
            (44, self.plain),
            (16, self.tree),
            (4, self.mmr),
            (6, self.groups),
            (2, self.listing),
            (4, self.ordered),
            (2, self.sample),
            (5, self.scroll),
            (6, self.count),
            (3, self.facet),
            (1, self.retrieve),
            (1, self.matrix),
            (4, self.batch),
            (2, self.invalid),
        ]
        makers = [maker for _, maker in table]
        return self.rng.choices(makers, weights=[weight for weight, _ in table])[0](collection)
