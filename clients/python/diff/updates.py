"""Random writes to the mutable collections. After each one the whole collection is compared."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from qdrant_client import models

from diff import data, filters
from diff.data import Collection, Point
from diff.queries import Request

Operation = tuple[str, dict[str, Any]]


class Updates:
    """The generator of write requests. It keeps a list of the ids that exist, refreshed by the runner."""

    def __init__(self, rng: random.Random, world: dict[str, Collection]) -> None:
        self.rng = rng
        self.targets = [c for c in world.values() if c.mutable]

    def ids(self, collection: Collection, most: int = 5) -> list[Any]:
        """A few existing ids."""
        count = min(len(collection.points), self.rng.randint(1, most))
        return [p.id for p in self.rng.sample(collection.points, count)]

    def selector(self, collection: Collection) -> Any:
        """Points by id or by filter."""
        if self.rng.random() < 0.7:
            return self.ids(collection)
        return filters.random_filter(self.rng, collection)

    def point(self, collection: Collection) -> models.PointStruct:
        """A point to upsert: half of the time over an existing one."""
        known = self.ids(collection, 1)
        fresh = not known or self.rng.random() < 0.5
        new = data.point_id(self.rng) if fresh else known[0]
        vectors = data.make_vectors(self.rng, collection, 0.8)
        return data.struct_of(Point(new, vectors, data.payload(self.rng)))

    def upsert(self, collection: Collection) -> Operation:
        """Points in list or batch form, with the update modes and conditions of wire.md 5.2."""
        points: Any = [self.point(collection) for _ in range(self.rng.randint(1, 4))]
        args: dict[str, Any] = {}
        if self.rng.random() < 0.3:
            args["update_filter"] = filters.random_filter(self.rng, collection)
        if self.rng.random() < 0.3:
            args["update_mode"] = self.rng.choice(list(models.UpdateMode))
        if self.rng.random() < 0.3:
            points = self.columns(collection)
        return "upsert", {"points": points, **args}

    def columns(self, collection: Collection) -> models.Batch:
        """The batch form: columns of equal length, every point with every vector."""
        count = self.rng.randint(1, 3)
        ids = [data.point_id(self.rng) for _ in range(count)]
        vectors: Any = {s.name: [data.vector(self.rng, s) for _ in ids] for s in collection.slots}
        if list(vectors) == [""]:
            vectors = vectors[""]
        payloads = [data.payload(self.rng) if self.rng.random() < 0.8 else {} for _ in ids]
        return models.Batch(ids=ids, vectors=vectors, payloads=self.rng.choice([None, payloads]))

    def update_vectors(self, collection: Collection) -> Operation:
        """New vectors for some slots of existing points."""
        points = []
        for point in self.ids(collection, 3):
            slots = self.rng.sample(collection.slots, self.rng.randint(1, len(collection.slots)))
            vectors: Any = {s.name: data.vector(self.rng, s) for s in slots}
            points.append(models.PointVectors(id=point, vector=vectors[""] if list(vectors) == [""] else vectors))
        args: dict[str, Any] = {"points": points}
        if self.rng.random() < 0.3:
            args["update_filter"] = filters.random_filter(self.rng, collection)
        return "update_vectors", args

    def delete_vectors(self, collection: Collection) -> Operation:
        """Drop some slots of some points."""
        names = [s.name for s in collection.slots]
        chosen = self.rng.sample(names, self.rng.randint(1, len(names)))
        return "delete_vectors", {"vectors": chosen, "points": self.ids(collection, 2)}

    def delete(self, collection: Collection) -> Operation:
        """Delete by ids (also unknown ones) or by a narrow filter."""
        if self.rng.random() < 0.6:
            return "delete", {"points_selector": [*self.ids(collection, 2), 77_777_777]}
        year = models.FieldCondition(key="year", match=models.MatchValue(value=self.rng.randint(1900, 1930)))
        return "delete", {"points_selector": models.Filter(must=[year, *self.narrow(collection)])}

    def narrow(self, collection: Collection) -> list[Any]:
        """Sometimes one more condition."""
        return [filters.random_filter(self.rng, collection)] if self.rng.random() < 0.5 else []

    def set_payload(self, collection: Collection) -> Operation:
        """Merge at the top or at a path; nulls delete keys."""
        payload = self.some_payload()
        args: dict[str, Any] = {"payload": payload, "points": self.selector(collection)}
        if self.rng.random() < 0.5:
            args["key"] = self.rng.choice(["meta", "meta.b", "fresh", "fresh.deep.er", '"a key"'])
        return "set_payload", args

    def some_payload(self) -> dict[str, Any]:
        """A few fields, some of them null."""
        fields = self.rng.sample(sorted(data.payload(self.rng).items(), key=lambda kv: kv[0]), 3)
        out = {k: (None if self.rng.random() < 0.2 else v) for k, v in fields}
        if self.rng.random() < 0.3:
            out["c"] = self.rng.choice(["x", None, {"y": None}])
        return out

    def overwrite_payload(self, collection: Collection) -> Operation:
        """Replace everything."""
        payload = {**self.some_payload(), "rank": 1.5, "wrap": [1]}
        return "overwrite_payload", {"payload": payload, "points": self.selector(collection)}

    def delete_payload(self, collection: Collection) -> Operation:
        """Delete keys, nested ones and inside arrays too."""
        keys = ["year", "meta.b.c", "meta", "items[].tag", "nowhere", "meta.a", '"a.b"', "tags"]
        chosen = self.rng.sample(keys, self.rng.randint(1, 3))
        return "delete_payload", {"keys": chosen, "points": self.selector(collection)}

    def clear_payload(self, collection: Collection) -> Operation:
        """Remove the whole payload of a few points."""
        return "clear_payload", {"points_selector": self.ids(collection, 2)}

    def operation(self, collection: Collection) -> Operation:
        """One write; upserts are favoured so that the collection does not run dry."""
        makers: list[Callable[[Collection], Operation]] = [
            self.upsert,
            self.upsert,
            self.update_vectors,
            self.delete_vectors,
            self.delete,
            self.set_payload,
            self.set_payload,
            self.overwrite_payload,
            self.delete_payload,
            self.clear_payload,
        ]
        if len(collection.points) < 20:
            makers = [self.upsert]
        return self.rng.choice(makers)(collection)

    def target(self) -> Collection:
        """The collection to write to."""
        return self.rng.choice(self.targets)

    def any(self, collection: Collection, wait: bool = True) -> Request:
        """The next write, alone or in a batch. Without `wait` its kind says so."""
        request = self.single_or_batch(collection)
        request.args["wait"] = wait
        if not wait:
            request.kind += " (not waited for)"
        return request

    def single_or_batch(self, collection: Collection) -> Request:
        """One write, or several in one call."""
        if self.rng.random() < 0.2:
            chosen_ops = [self.operation(collection) for _ in range(self.rng.randint(1, 4))]
            chosen_ops.sort(key=lambda op: op[0] == "delete")  # later ones would name missing ids
            args: dict[str, Any] = {"update_operations": [batch_form(*op) for op in chosen_ops]}
            return Request("update/batch", "batch_update_points", collection.name, args, "update")
        method, args = self.operation(collection)
        return Request(f"update/{method}", method, collection.name, args, "update")


def chosen(points: Any) -> dict[str, Any]:
    """A selector as the two keys of a batch operation."""
    return {"filter": points} if isinstance(points, models.Filter) else {"points": points}


def batch_form(method: str, args: dict[str, Any]) -> Any:
    """A write as an element of `batch_update_points`."""
    rest = {k: v for k, v in args.items() if k not in ("points", "points_selector", "vectors")}
    if method == "upsert":
        points = args["points"]
        if isinstance(points, models.Batch):
            return models.UpsertOperation(upsert=models.PointsBatch(batch=points, **rest))
        return models.UpsertOperation(upsert=models.PointsList(points=points, **rest))
    if method == "update_vectors":
        return models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=args["points"], **rest))
    if method == "delete_vectors":
        body = models.DeleteVectors(vector=args["vectors"], **chosen(args["points"]))
        return models.DeleteVectorsOperation(delete_vectors=body)
    if method in ("delete", "clear_payload"):
        points = args["points_selector"]
        by_filter = isinstance(points, models.Filter)
        selector: Any = models.FilterSelector(filter=points) if by_filter else models.PointIdsList(points=points)
        if method == "delete":
            return models.DeleteOperation(delete=selector)
        return models.ClearPayloadOperation(clear_payload=selector)
    where = chosen(args["points"])
    if method == "set_payload":
        return models.SetPayloadOperation(set_payload=models.SetPayload(**rest, **where))
    if method == "overwrite_payload":
        return models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(**rest, **where))
    return models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=args["keys"], **where))
