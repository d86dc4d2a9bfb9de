"""Random collections: their vector slots, points and payloads, drawn from one seed.

All numbers are exactly representable as f32 (or as the slot's narrower type), so that both sides start from
the same bits and differ only by the rounding of their own arithmetic.
"""

from __future__ import annotations

import random
import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

from qdrant_client import models

Vector = list[float] | list[list[float]] | models.SparseVector
PointId = int | str

COSINE, DOT = models.Distance.COSINE, models.Distance.DOT
EUCLID, MANHATTAN = models.Distance.EUCLID, models.Distance.MANHATTAN

#: No word is part of another one, so substring and whole-word matching agree (see explained.TEXT).
WORDS = ["amber", "birch", "cloud", "delta", "ember", "frost", "grove", "hazel", "ivory", "jolly"]
COLORS = ["red", "green", "blue", "white", "black"]
BRANDS: list[Any] = ["acme", "bolt", "core", 7, 11, -3]
F32_ULP = 2.0**-24


def f32(x: float) -> float:
    """The nearest f32, widened again: what any server holds after parsing the number."""
    return struct.unpack("f", struct.pack("f", x))[0]


@dataclass(frozen=True)
class Slot:
    """One named vector field. `style` says which numbers fill it, `dup` whether vectors repeat (for ties)."""

    name: str
    kind: str
    distance: models.Distance = DOT
    dim: int = 8
    style: str = "real"
    idf: bool = False
    dup: bool = False

    @property
    def ascending(self) -> bool:
        """Whether a nearest list of this slot rises (distances) instead of falling (similarities)."""
        return self.distance in (EUCLID, MANHATTAN)

    @property
    def span(self) -> float:
        """A bound on the largest similarity of two vectors of this slot."""
        if self.kind == "sparse":
            return 160.0
        largest = {"real": 1.0, "lattice": 2.0, "half": 1.0, "bytes": 15.0}[self.style]
        rows = 4 if self.kind == "multi" else 1
        one = 4.0 if self.distance == COSINE else self.dim * (2 * largest) ** 2
        return rows * one

    @property
    def floor(self) -> float:
        """Absolute error allowed to one similarity.

        The forward error of an n-term f32 dot product is at most n * 2^-24 * sum |a_i b_i| (Higham, section 3.1);
        the two sides may each be off by that much, in opposite directions. A purely relative bound would fail
        on honest answers wherever terms cancel, for example two nearly orthogonal vectors.
        """
        return max(1e-6, 2 * min(self.dim, 8) * F32_ULP * self.span)

    def exact_average(self) -> bool:
        """Whether the mean of several vectors can be stored in this slot's type without rounding."""
        return self.style in ("real", "lattice")


@dataclass
class Point:
    """A point as the generator knows it."""

    id: PointId
    vectors: dict[str, Vector]
    payload: dict[str, Any]


@dataclass
class Collection:
    """A generated collection. `partner` is where `lookup_from` may point; `mutable` ones receive updates."""

    name: str
    slots: list[Slot]
    points: list[Point] = field(default_factory=list)
    partner: str | None = None
    mutable: bool = False

    def slot(self, name: str) -> Slot:
        """The slot called `name`."""
        return next(s for s in self.slots if s.name == name)

    def with_vector(self, name: str) -> list[Point]:
        """The points that hold a vector in slot `name`."""
        return [p for p in self.points if name in p.vectors]


def number(rng: random.Random, style: str) -> float:
    """One vector component of the given style."""
    if style == "lattice":
        return float(rng.randint(-2, 2))
    if style == "half":
        return rng.randint(-64, 64) / 64
    if style == "bytes":
        return float(rng.randint(0, 15))
    return f32(rng.uniform(-1, 1))


def sparse_vector(rng: random.Random) -> models.SparseVector:
    """A sparse vector of 1 to 8 entries in no particular order, over 41 possible indices."""
    indices = rng.sample([*range(40), 2**32 - 1], rng.randint(1, 8))
    values = [f32(rng.uniform(0.1, 2) if rng.random() < 0.9 else rng.uniform(-1, -0.1)) for _ in indices]
    return models.SparseVector(indices=indices, values=values)


def vector(rng: random.Random, slot: Slot) -> Vector:
    """A random vector that fits `slot`."""
    if slot.kind == "sparse":
        return sparse_vector(rng)
    if slot.kind == "multi":
        return [[number(rng, slot.style) for _ in range(slot.dim)] for _ in range(rng.randint(1, 4))]
    while True:
        dense = [number(rng, slot.style) for _ in range(slot.dim)]
        if any(dense):
            return dense


def point_id(rng: random.Random) -> PointId:
    """Small numbers, large numbers up to u64::MAX, and UUIDs."""
    pick = rng.random()
    if pick < 0.7:
        return rng.randint(0, 5000)
    if pick < 0.8:
        return rng.randint(2**53, 2**64 - 1)
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def moment(rng: random.Random) -> str:
    """A datetime in one of the textual forms of wire.md 4.3."""
    day = f"{rng.randint(1990, 2024)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    forms = [f"{day}T{clock}Z", f"{day}T{clock}+02:00", f"{day}T{clock}-0530", f"{day} {clock}", day]
    forms += [f"{day}T{clock}.{rng.randint(0, 999999):06}Z", f"{day} {clock[:5]}", f"{day}T{clock[:5]}"]
    return rng.choice(forms)


def place(rng: random.Random) -> dict[str, float]:
    """A geo point over a patch of the earth that the filters also draw from."""
    return {"lon": rng.uniform(-20, 40), "lat": rng.uniform(30, 60)}


def item(rng: random.Random) -> dict[str, Any]:
    """An element of the `items` array, for nested filters."""
    out: dict[str, Any] = {"tag": rng.choice(COLORS), "n": rng.randint(0, 9)}
    if rng.random() < 0.3:
        out["sub"] = [{"k": rng.randint(0, 3)} for _ in range(rng.randint(0, 2))]
    if rng.random() < 0.2:
        out["n"] = None
    return out


def optional_fields(rng: random.Random) -> dict[str, Any]:
    """Every field that may be missing, with the value it would have."""
    return {
        "year": rng.randint(1900, 1930),
        "years": [rng.randint(1900, 1930) for _ in range(rng.randint(0, 3))],
        "price": rng.choice([f32(rng.uniform(0, 50)), rng.randint(0, 50)]),
        "color": rng.choice([*COLORS, *COLORS, rng.sample(COLORS, 2), None, []]),
        "tags": rng.sample(WORDS, rng.randint(0, 4)),
        "flag": rng.random() < 0.5,
        "code": rng.choice([1, "1", 1.0, True, 2, "two", False, [1, "two", None], {"x": 1}, 2.5]),
        "nums": [rng.choice([rng.randint(-5, 5), rng.uniform(-5, 5), None]) for _ in range(rng.randint(0, 4))],
        "city": rng.choice([place(rng), place(rng), [place(rng), place(rng)], "nowhere", {"lat": 1.0}]),
        "when": moment(rng),
        "seen": [rng.choice([moment(rng), moment(rng), "not a date"]) for _ in range(rng.randint(0, 3))],
        "meta": {"a": rng.randint(0, 5), "b": {"c": rng.choice(COLORS), "d": rng.choice([None, 0.5])}},
        "items": [item(rng) for _ in range(rng.randint(0, 3))],
        "text": " ".join(rng.sample(WORDS, rng.randint(1, 6))),
        "brand": rng.choice(BRANDS),
        "group": rng.choice([rng.sample(BRANDS, 2), rng.choice(BRANDS), 1.5, True, ["acme", None]]),
        "boost": rng.randint(1, 40) / 4,
        "a.b": rng.randint(0, 3),
        "none": rng.choice([None, None, 1]),
        "site": place(rng),
    }


def payload(rng: random.Random) -> dict[str, Any]:
    """A payload with every JSON type in it; `rank` and `wrap` are always there, for formulas."""
    out = {key: value for key, value in optional_fields(rng).items() if rng.random() < 0.75}
    out["rank"] = rng.randint(1, 40) / 4
    out["wrap"] = [rng.randint(1, 8) / 2]
    return out


def make_vectors(rng: random.Random, collection: Collection, keep: float) -> dict[str, Vector]:
    """Vectors for a new point: each slot with probability `keep`, sometimes repeating an earlier vector."""
    out: dict[str, Vector] = {}
    for slot in collection.slots:
        if rng.random() >= keep:
            continue
        others = collection.with_vector(slot.name) if slot.dup and rng.random() < 0.15 else []
        out[slot.name] = rng.choice(others).vectors[slot.name] if others else vector(rng, slot)
    return out


def fill(rng: random.Random, collection: Collection, size: int) -> None:
    """Draw the points of `collection`; the first ones are called like groups, so that group lookups find some."""
    seen: set[PointId] = set()
    keep = 0.97 if len(collection.slots) == 1 else 0.85
    wanted = [b for b in BRANDS if isinstance(b, int) and b > 0]
    while len(collection.points) < size:
        new = wanted.pop() if wanted else point_id(rng)
        if new in seen:
            continue
        seen.add(new)
        collection.points.append(Point(new, make_vectors(rng, collection, keep), payload(rng)))


def named_slots() -> list[Slot]:
    """The slots of the collection that holds everything side by side."""
    return [
        Slot("a", "dense", COSINE, 6),
        Slot("b", "dense", DOT, 10),
        Slot("c", "dense", EUCLID, 4),
        Slot("m", "dense", MANHATTAN, 5),
        Slot("s", "sparse"),
        Slot("si", "sparse", idf=True),
    ]


def plan() -> list[Collection]:
    """The collections of every run, still without points."""
    small = [Slot("a", "dense", COSINE, 4), Slot("e", "dense", EUCLID, 4), Slot("s", "sparse", idf=True)]
    return [
        Collection("cosine", [Slot("", "dense", COSINE, 8), Slot("si", "sparse", idf=True)], partner="library"),
        Collection("dot", [Slot("", "dense", DOT, 16), Slot("s", "sparse")]),
        Collection("euclid", [Slot("", "dense", EUCLID, 8)], partner="library"),
        Collection("manhattan", [Slot("", "dense", MANHATTAN, 8)]),
        Collection("named", named_slots(), partner="library"),
        Collection("library", [Slot("", "dense", DOT, 8), Slot("alt", "dense", DOT, 6), *named_slots()]),
        Collection("multi", [Slot("mc", "multi", COSINE, 4), Slot("md", "multi", DOT, 4)]),
        Collection("rows", [Slot("me", "multi", EUCLID, 4), Slot("mm", "multi", MANHATTAN, 4)]),
        Collection("matrix", [Slot("", "multi", DOT, 4)]),
        Collection("lattice", [lattice("td", DOT), lattice("te", EUCLID), lattice("tm", MANHATTAN)]),
        Collection("twins", [Slot("", "dense", COSINE, 5, dup=True)]),
        Collection("narrow", [Slot("half", "dense", DOT, 6, "half"), Slot("bytes", "dense", EUCLID, 4, "bytes")]),
        Collection("moving", [*small, Slot("mv", "multi", DOT, 3)], mutable=True),
        Collection("shifting", [Slot("", "dense", DOT, 4)], mutable=True),
    ]


def lattice(name: str, distance: models.Distance) -> Slot:
    """A slot of small integers: similarities are exact in f32, so that ties are ties on both sides."""
    return Slot(name, "dense", distance, 4, "lattice", dup=True)


def world(seed: int, size: int = 150) -> dict[str, Collection]:
    """All collections with their points; the mutable ones are smaller, since they are compared whole."""
    rng = random.Random(seed)
    out = {}
    for collection in plan():
        fill(rng, collection, 50 if collection.mutable else size)
        out[collection.name] = collection
    return out


def vectors_config(collection: Collection) -> Any:
    """The `vectors` part of the creation request: bare when there is only the default slot."""
    types = {"half": models.Datatype.FLOAT16, "bytes": models.Datatype.UINT8}
    rows = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    config = {
        s.name: models.VectorParams(
            size=s.dim,
            distance=s.distance,
            datatype=types.get(s.style),
            multivector_config=rows if s.kind == "multi" else None,
        )
        for s in collection.slots
        if s.kind != "sparse"
    }
    return config[""] if list(config) == [""] else config


def sparse_config(collection: Collection) -> dict[str, models.SparseVectorParams] | None:
    """The `sparse_vectors` part of the creation request."""
    config = {
        s.name: models.SparseVectorParams(modifier=models.Modifier.IDF if s.idf else None)
        for s in collection.slots
        if s.kind == "sparse"
    }
    return config or None


INDEXES = {
    "year": models.PayloadSchemaType.INTEGER,
    "years": models.PayloadSchemaType.INTEGER,
    "price": models.PayloadSchemaType.FLOAT,
    "color": models.PayloadSchemaType.KEYWORD,
    "tags": models.PayloadSchemaType.KEYWORD,
    "flag": models.PayloadSchemaType.BOOL,
    "when": models.PayloadSchemaType.DATETIME,
    "meta.a": models.PayloadSchemaType.INTEGER,
}


def struct_of(point: Point) -> models.PointStruct:
    """The point as the client wants it: the default vector bare when it is the only one."""
    vectors: Any = dict(point.vectors)
    if list(vectors) == [""]:
        vectors = vectors[""]
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def load(client: Any, collection: Collection, backwards: bool = False) -> None:
    """Create and fill `collection`; `backwards` inserts in reverse, so that ties fall the other way."""
    client.create_collection(
        collection.name,
        vectors_config=vectors_config(collection),
        sparse_vectors_config=sparse_config(collection),
    )
    for key, schema in INDEXES.items():
        client.create_payload_index(collection.name, key, schema, wait=True)
    points = [struct_of(p) for p in collection.points]
    if backwards:
        points.reverse()
    for start in range(0, len(points), 100):
        client.upsert(collection.name, points[start : start + 100], wait=True)
