"""Random filters over the payloads of `data`, inside the region where the in-memory mode follows wire.md.

What is left out on purpose is named in `explained` and checked there by golden numbers.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from qdrant_client import models

from diff.data import COLORS, WORDS, Collection

Condition = Any


def bounds(rng: random.Random, low: float, high: float, whole: bool = False) -> dict[str, float]:
    """One or two range bounds, possibly contradictory."""
    draw = (lambda: rng.randint(int(low), int(high))) if whole else (lambda: rng.uniform(low, high))
    keys = rng.choice([["gt"], ["gte"], ["lt"], ["lte"], ["gt", "lt"], ["gte", "lte"], ["gte", "lt"]])
    return {key: draw() for key in keys}


def key_condition(key: str, **operator: Any) -> models.FieldCondition:
    """A field condition with one operator."""
    return models.FieldCondition(key=key, **operator)


def match_value(rng: random.Random, _: Collection) -> Condition:
    """Exact match on every type, also with a value of the wrong type."""
    key, values = rng.choice(
        [
            ("color", COLORS),
            ("tags", WORDS),
            ("tags[]", WORDS),
            ("flag", [True, False]),
            ("year", range(1900, 1931)),
            ("code", [1, 2, "1", "two", True, False]),
            ("nums", range(-5, 6)),
            ("meta.a", range(6)),
            ("meta.b.c", COLORS),
            ("items[].tag", COLORS),
            ("items[0].n", range(10)),
            ("items[].sub[].k", range(4)),
            ('"a.b"', range(4)),
            ("brand", ["acme", 7, -3]),
            ("missing", [1]),
        ]
    )
    return key_condition(key, match=models.MatchValue(value=rng.choice(list(values))))


def match_set(rng: random.Random, _: Collection) -> Condition:
    """`any` and `except` over strings or integers, also empty."""
    key = rng.choice(["color", "tags", "code", "nums", "year", "meta.b.c", "items[].n", "brand", "none", "missing"])
    strings = rng.random() < 0.5
    pool: list[Any] = [*COLORS, *WORDS[:4], "1", "two"] if strings else [*range(-5, 6), 1905, 1910, 7]
    chosen = rng.sample(pool, rng.randint(1, 5))
    if rng.random() < 0.5:
        return key_condition(key, match=models.MatchAny(any=chosen))
    return key_condition(key, match=models.MatchExcept(**{"except": chosen}))


def match_text(rng: random.Random, _: Collection) -> Condition:
    """Text operators on whole lower-case words, where substring and token matching agree (explained.TEXT)."""
    first, second = rng.sample(WORDS, 2)
    match = rng.choice(
        [
            models.MatchText(text=first),
            models.MatchTextAny(text_any=f"{first} {second}"),
            models.MatchPhrase(phrase=f"{first} {second}"),
            models.MatchPhrase(phrase=first),
            models.MatchPrefix(prefix=first[: rng.randint(0, 5)]),
        ]
    )
    return key_condition(rng.choice(["text", "tags", "code"]), match=match)


def number_range(rng: random.Random, _: Collection) -> Condition:
    """Ranges over integers, floats, mixed arrays and things that are no numbers."""
    key, low, high = rng.choice(
        [
            ("year", 1895, 1935),
            ("price", -1, 51),
            ("rank", 0, 10),
            ("nums", -5, 5),
            ("code", 0, 3),
            ("meta.a", 0, 5),
            ("meta.b.d", 0, 1),
            ("items[].n", 0, 9),
            ("flag", -1, 2),
            ("wrap[0]", 0, 4),
        ]
    )
    return key_condition(key, range=models.Range(**bounds(rng, low, high, rng.random() < 0.3)))


def time_range(rng: random.Random, _: Collection) -> Condition:
    """Datetime ranges with and without a zone."""

    def draw() -> dt.datetime:
        zone = rng.choice([dt.UTC, dt.timezone(dt.timedelta(hours=3))])
        return dt.datetime(rng.randint(1990, 2024), rng.randint(1, 12), rng.randint(1, 28), 12, tzinfo=zone)

    keys = rng.choice([["gt"], ["gte"], ["lt"], ["lte"], ["gt", "lt"], ["gte", "lte"]])
    span = models.DatetimeRange(**{key: draw() for key in keys})
    return key_condition(rng.choice(["when", "seen", "text", "year"]), range=span)


def geo(rng: random.Random, _: Collection) -> Condition:
    """The three geo conditions over `city` (also arrays and non-points) and `site`."""
    key = rng.choice(["city", "site"])
    lon, lat = rng.uniform(-15, 35), rng.uniform(33, 57)
    shape = rng.randrange(3)
    if shape == 0:
        center = models.GeoPoint(lon=lon, lat=lat)
        return key_condition(key, geo_radius=models.GeoRadius(center=center, radius=rng.uniform(1e5, 3e6)))
    if shape == 1:
        box = models.GeoBoundingBox(
            top_left=models.GeoPoint(lon=lon, lat=lat + rng.uniform(0, 20)),
            bottom_right=models.GeoPoint(lon=rng.uniform(-30, 45), lat=lat),
        )
        return key_condition(key, geo_bounding_box=box)
    return key_condition(key, geo_polygon=polygon(rng, lon, lat))


def polygon(rng: random.Random, lon: float, lat: float) -> models.GeoPolygon:
    """A quadrilateral, half of the time with a hole."""

    def ring(size: float) -> models.GeoLineString:
        corners = [(-size, -size), (size, -size * 0.8), (size * 0.9, size), (-size * 1.1, size * 0.7)]
        points = [models.GeoPoint(lon=lon + x, lat=lat + y * 0.8) for x, y in corners]
        return models.GeoLineString(points=[*points, points[0]])

    outer = rng.uniform(5, 15)
    holes = [ring(outer * 0.4)] if rng.random() < 0.5 else None
    return models.GeoPolygon(exterior=ring(outer), interiors=holes)


def shape_of_value(rng: random.Random, _: Collection) -> Condition:
    """values_count, is_empty and is_null, in field form and object form."""
    key = rng.choice(["tags", "color", "none", "items", "nums", "meta", "meta.b.d", "missing", "items[].n", "code"])
    pick = rng.randrange(5)
    if pick == 0:
        return key_condition(key, values_count=models.ValuesCount(**bounds(rng, 0, 3, whole=True)))
    if pick == 1:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    if pick == 2:
        return models.IsNullCondition(is_null=models.PayloadField(key=key))
    if pick == 3:
        return key_condition(key, is_empty=rng.random() < 0.5)
    return key_condition(key, is_null=rng.random() < 0.5)


def has_id(rng: random.Random, collection: Collection) -> Condition:
    """Some ids of the collection, UUIDs in any of their spellings, and one that does not exist."""
    chosen = [p.id for p in rng.sample(collection.points, min(len(collection.points), rng.randint(1, 60)))]
    spell: list[Callable[[str], str]] = [str.upper, lambda s: s.replace("-", ""), "urn:uuid:{}".format, str]
    ids = [rng.choice(spell)(i) if isinstance(i, str) else i for i in chosen]
    return models.HasIdCondition(has_id=[*ids, 999_999_999])


def has_vector(rng: random.Random, collection: Collection) -> Condition:
    """Whether the point holds a slot; sometimes a slot that nobody has."""
    name = rng.choice([*(s.name for s in collection.slots), "nowhere"])
    return models.HasVectorCondition(has_vector=name)


def nested(rng: random.Random, collection: Collection) -> Condition:
    """Conditions on one and the same element of `items`."""

    def inner() -> Condition:
        return rng.choice(
            [
                key_condition("tag", match=models.MatchValue(value=rng.choice(COLORS))),
                key_condition("n", range=models.Range(**bounds(rng, 0, 9))),
                models.IsEmptyCondition(is_empty=models.PayloadField(key="sub")),
                models.IsNullCondition(is_null=models.PayloadField(key="n")),
                key_condition("sub[].k", match=models.MatchAny(any=[0, 1])),
            ]
        )

    clause = rng.choice(["must", "should", "must_not"])
    inside = models.Filter(**{clause: [inner() for _ in range(rng.randint(1, 2))]})
    if rng.random() < 0.3:
        inside.must_not = [inner()]
    key = rng.choice(["items", "items[]", "missing"])
    return models.NestedCondition(nested=models.Nested(key=key, filter=inside))


LEAVES: list[Callable[[random.Random, Collection], Condition]] = [
    match_value,
    match_value,
    match_set,
    match_text,
    number_range,
    number_range,
    time_range,
    geo,
    shape_of_value,
    has_id,
    has_vector,
    nested,
]


def condition(rng: random.Random, collection: Collection, depth: int) -> Condition:
    """One condition; above depth 0 it may be a whole filter."""
    if depth > 0 and rng.random() < 0.2:
        return random_filter(rng, collection, depth - 1)
    return rng.choice(LEAVES)(rng, collection)


def random_filter(rng: random.Random, collection: Collection, depth: int = 2) -> models.Filter:
    """Any filter: all four clauses, lists and single conditions, nested up to `depth`."""

    def some(count: int) -> list[Condition]:
        return [condition(rng, collection, depth) for _ in range(count)]

    out = models.Filter()
    clause = rng.choice(["must", "must", "must_not", "should", "min_should", "mixed", "single"])
    if clause in ("must", "mixed"):
        out.must = some(rng.randint(1, 2))
    if clause in ("must_not", "mixed"):
        out.must_not = some(1)
    if clause in ("should", "mixed"):
        out.should = some(rng.randint(1, 3))
    if clause == "min_should":
        conditions = some(rng.randint(2, 4))
        out.min_should = models.MinShould(conditions=conditions, min_count=rng.randint(1, 3))
    if clause == "single":
        out.must = condition(rng, collection, 0)
    return out


def plain_filter(rng: random.Random, collection: Collection) -> models.Filter:
    """A filter of `must` and `must_not` only, for nodes that have prefetches (explained.INNER_SHOULD)."""
    out = models.Filter(must_not=[rng.choice(LEAVES)(rng, collection)])
    if rng.random() < 0.4:
        out = models.Filter(must=[rng.choice(LEAVES)(rng, collection)])
    return out


def maybe_filter(rng: random.Random, collection: Collection, chance: float = 0.4) -> models.Filter | None:
    """A random filter or none."""
    return random_filter(rng, collection) if rng.random() < chance else None
