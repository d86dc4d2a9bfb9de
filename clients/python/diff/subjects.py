"""The two sides of the comparison: a server reached through the official client, and the corrected memory mode."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_client.local.local_collection import ignore_mentioned_ids_filter

from diff.data import Collection, load
from diff.oracle import corrections, memory_client
from diff.queries import Request

IdTypes = (int, str)


@dataclass
class Answer:
    """What a subject said. `refused` carries the text when it would not answer, `broken` when it failed."""

    value: Any = None
    refused: str | None = None
    broken: str | None = None


def examples(query: Any) -> Iterator[Any]:
    """Every example of a query, wherever it sits."""
    if isinstance(query, models.NearestQuery):
        yield query.nearest
    elif isinstance(query, models.RecommendQuery):
        yield from [*(query.recommend.positive or []), *(query.recommend.negative or [])]
    elif isinstance(query, models.DiscoverQuery):
        yield query.discover.target
        yield from pair_examples(query.discover.context)
    elif isinstance(query, models.ContextQuery):
        yield from pair_examples(query.context)
    elif isinstance(query, models.RelevanceFeedbackQuery):
        yield query.relevance_feedback.target
        yield from (item.example for item in query.relevance_feedback.feedback)
    elif isinstance(query, IdTypes):
        yield query


def pair_examples(context: Any) -> Iterator[Any]:
    """Both members of every pair."""
    for pair in context if isinstance(context, list) else [context]:
        yield from (pair.positive, pair.negative)


def as_list(prefetch: Any) -> list[models.Prefetch]:
    """Prefetches as a list, however they were written."""
    if prefetch is None:
        return []
    return prefetch if isinstance(prefetch, list) else [prefetch]


def own_ids(query: Any, place: models.LookupLocation | None, collection: str) -> list[Any]:
    """The example ids of a query that name points of the searched collection."""
    if place is not None and place.collection != collection:
        return []
    return [e for e in examples(query) if isinstance(e, IdTypes)]


def tree_ids(prefetch: Any, collection: str) -> list[Any]:
    """The example ids of the searched collection in a whole prefetch tree."""
    out: list[Any] = []
    for node in as_list(prefetch):
        out += own_ids(node.query, node.lookup_from, collection)
        out += tree_ids(node.prefetch, collection)
    return out


class Subject:
    """A client with the generated collections loaded. `speaks_f32`: scores are f32 before they are printed."""

    speaks_f32 = False

    def __init__(self, client: QdrantClient) -> None:
        self.client = client

    def load(self, world: dict[str, Collection]) -> None:
        """Create and fill every collection."""
        for collection in world.values():
            load(self.client, collection)

    def run(self, request: Request) -> Answer:
        """Answer one request. Refusals are answers; anything else that goes wrong is `broken`."""
        try:
            return Answer(value=self.call(request))
        except UnexpectedResponse as error:
            text = f"{error.status_code}: {error.content.decode(errors='replace')[:300]}"
            return Answer(broken=text) if (error.status_code or 500) >= 500 else Answer(refused=text)
        except (ValueError, KeyError, ValidationError) as error:
            return Answer(refused=str(error))
        except Exception as error:  # the point of the test is to find what nobody expected
            return Answer(broken=f"{type(error).__name__}: {error}")

    def call(self, request: Request) -> Any:
        """Send one request."""
        if request.method == "query_batch_points":
            return self.client.query_batch_points(request.collection, [body_of(p) for p in request.parts])
        return getattr(self.client, request.method)(request.collection, **copy.deepcopy(request.args))


def body_of(request: Request) -> models.QueryRequest:
    """The REST body of a query, for a batch."""
    args = dict(request.args)
    rename = {"query_filter": "filter", "with_vectors": "with_vector", "search_params": "params"}
    return models.QueryRequest(**{rename.get(k, k): v for k, v in args.items()})


class Server(Subject):
    """A server over REST. The client closes connections to localhost after each call unless told otherwise."""

    speaks_f32 = True

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=8)
        super().__init__(QdrantClient(url=url, timeout=30, limits=limits))


class Memory(Subject):
    """The in-memory mode with its requests adapted as `explained` says. `backwards` makes ties fall otherwise."""

    def __init__(self, backwards: bool = False) -> None:
        super().__init__(memory_client())
        self.backwards = backwards

    def load(self, world: dict[str, Collection]) -> None:
        """Create and fill every collection."""
        for collection in world.values():
            load(self.client, collection, self.backwards)

    def call(self, request: Request) -> Any:
        """Send one request, adapted."""
        if request.method == "query_batch_points":
            return [self.call(part) for part in request.parts]
        args = copy.deepcopy(request.args)
        if request.method not in ("query_points", "query_points_groups"):
            return getattr(self.client, request.method)(request.collection, **args)
        skip = self.adapt(request.collection, args)
        answer = getattr(self.client, request.method)(request.collection, **args)
        if skip:
            answer.points = answer.points[skip:]
        return answer

    def adapt(self, collection: str, args: dict[str, Any]) -> int:
        """Rewrite a query's arguments to mean what wire.md says. Returns how many results to cut in front."""
        ids = tree_ids(args.get("prefetch"), collection)
        if args.get("prefetch"):
            ids += own_ids(args.get("query"), args.get("lookup_from"), collection)
        if ids:
            corrections["tree-exclusion"] += 1
            args["query_filter"] = ignore_mentioned_ids_filter(args.get("query_filter"), list(ids))
        self.resolve_feedback(args.get("query"), args.get("lookup_from"), args.get("using"))
        for node in as_list(args.get("prefetch")):
            self.resolve_tree(node)
        query = args.get("query")
        if isinstance(query, models.NearestQuery) and query.mmr is not None and args.get("offset"):
            corrections["mmr-offset"] += 1
            return int(args.pop("offset"))
        return 0

    def resolve_tree(self, node: models.Prefetch) -> None:
        """`resolve_feedback` for a prefetch and everything below it."""
        self.resolve_feedback(node.query, node.lookup_from, node.using)
        for inner in as_list(node.prefetch):
            self.resolve_tree(inner)

    def resolve_feedback(self, query: Any, place: models.LookupLocation | None, using: str | None) -> None:
        """Replace the ids of a feedback query with lookup_from by the vectors they stand for."""
        if place is None or not isinstance(query, models.RelevanceFeedbackQuery):
            return
        corrections["feedback-lookup"] += 1
        body = query.relevance_feedback
        name = place.vector if place.vector is not None else using or ""
        body.target = self.vector_of(place.collection, name, body.target)
        for item in body.feedback:
            item.example = self.vector_of(place.collection, name, item.example)

    def vector_of(self, collection: str, name: str, example: Any) -> Any:
        """The vector that an example stands for."""
        if not isinstance(example, IdTypes):
            return example
        return self.client._client._get_collection(collection)._vector_by_point_id(name, example)


class Sabotaged(Memory):
    """A memory subject that spoils some of its answers, to prove that the comparison notices."""

    def __init__(self, damage: str, seed: int = 0) -> None:
        super().__init__(backwards=True)
        self.damage = damage
        self.rng = random.Random(seed)
        self.spoiled = 0

    def call(self, request: Request) -> Any:
        """Answer, then spoil the list of points if there is one to spoil."""
        answer = super().call(request)
        points = getattr(answer, "points", None)
        if points and request.rule == "ranked" and self.spoil(points):
            self.spoiled += 1
        return answer

    def spoil(self, points: list[models.ScoredPoint]) -> bool:
        """Apply the damage; false when this list cannot show it."""
        first, last = points[0], points[-1]
        if self.damage == "score":
            first.score += 1e-2
        elif self.damage == "order" and abs(first.score - last.score) > 0.1:
            points[0], points[-1] = last, first
        elif self.damage == "missing" and abs(first.score - last.score) > 0.1:
            del points[0]
        elif self.damage == "payload" and first.payload and "rank" in first.payload:
            first.payload = {**first.payload, "rank": -1}
        elif self.damage == "twice" and len(points) > 1:
            points[1] = points[0]
        else:
            return False
        return True
