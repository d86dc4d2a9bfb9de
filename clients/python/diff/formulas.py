"""Random formulas over every operator that wire.md 3.12 has and the in-memory mode knows.

Shapes keep every intermediate value tame, so that a formula does not blow up the rounding of `$score`; where
one does anyway, `compare` recomputes it from the server's own prefetch scores.
"""

from __future__ import annotations

import random
from typing import Any

from qdrant_client import models

from diff import filters
from diff.data import Collection, f32

Expression = Any


def constant(rng: random.Random, low: float = -3, high: float = 3) -> float:
    """A constant, away from zero."""
    value = f32(rng.uniform(low, high))
    return value if abs(value) > 0.05 else 0.5


def variable(rng: random.Random, sources: int) -> Expression:
    """A score (also of a prefetch that is not there) or a payload number."""
    scores = ["$score", *(f"$score[{i}]" for i in range(sources + 1))]
    return rng.choice([*scores, *scores, "rank", "wrap", "wrap[0]", "boost", "meta.a"])


def positive(inner: Expression) -> Expression:
    """An expression made at least 0.5, as an argument of a root or a logarithm."""
    return models.SumExpression(sum=[0.5, models.AbsExpression(abs=inner)])


def unary(rng: random.Random, inner: Expression) -> Expression:
    """Every one-argument operator on a safe argument."""
    damped = models.MultExpression(mult=[0.1, inner])
    return rng.choice(
        [
            models.NegExpression(neg=inner),
            models.AbsExpression(abs=inner),
            models.SqrtExpression(sqrt=positive(inner)),
            models.LnExpression(ln=positive(inner)),
            models.Log10Expression(log10=positive(inner)),
            models.ExpExpression(exp=models.NegExpression(neg=models.AbsExpression(abs=damped))),
            models.PowExpression(pow=models.PowParams(base=positive(inner), exponent=rng.choice([2.0, 0.5, -1.0]))),
        ]
    )


def decay(rng: random.Random, inner: Expression) -> Expression:
    """The three decays, with and without their optional parameters."""
    params = models.DecayParamsExpression(x=inner)
    if rng.random() < 0.6:
        params.target = constant(rng)
    if rng.random() < 0.6:
        params.scale = rng.choice([0.5, 1.0, 4.0])
    if rng.random() < 0.5:
        params.midpoint = rng.choice([0.25, 0.5, 0.75])
    return rng.choice(
        [
            models.LinDecayExpression(lin_decay=params),
            models.ExpDecayExpression(exp_decay=params),
            models.GaussDecayExpression(gauss_decay=params),
        ]
    )


def distance_decay(rng: random.Random) -> Expression:
    """Nearness to a place, from a payload or its default."""
    origin = models.GeoPoint(lon=rng.uniform(-15, 35), lat=rng.uniform(33, 57))
    away = models.GeoDistance(geo_distance=models.GeoDistanceParams(origin=origin, to="site"))
    return models.ExpDecayExpression(exp_decay=models.DecayParamsExpression(x=away, scale=1e6))


def recency(rng: random.Random) -> Expression:
    """Nearness in time, from a payload or its default."""
    params = models.DecayParamsExpression(
        x=models.DatetimeKeyExpression(datetime_key=rng.choice(["made", "when"])),
        target=models.DatetimeExpression(datetime="2010-06-01T00:00:00Z"),
        scale=86400.0 * 3650,
    )
    return models.GaussDecayExpression(gauss_decay=params)


def binary(rng: random.Random, parts: list[Expression]) -> Expression:
    """Sum, product, or quotient of `parts`."""
    pick = rng.random()
    if pick < 0.5:
        return models.SumExpression(sum=parts)
    if pick < 0.8:
        return models.MultExpression(mult=parts)
    return models.DivExpression(div=models.DivParams(left=parts[0], right=positive(parts[-1])))


def indicator(rng: random.Random, collection: Collection) -> Expression:
    """A filter condition as a number."""
    return rng.choice(filters.LEAVES)(rng, collection)


def expression(rng: random.Random, collection: Collection, sources: int, depth: int) -> Expression:
    """A random expression tree."""
    if depth == 0:
        return variable(rng, sources) if rng.random() < 0.7 else constant(rng)
    pick = rng.random()
    if pick < 0.45:
        parts = [expression(rng, collection, sources, depth - 1) for _ in range(rng.randint(1, 3))]
        return binary(rng, parts)
    inner = expression(rng, collection, sources, depth - 1)
    if pick < 0.65:
        return unary(rng, inner)
    if pick < 0.78:
        return decay(rng, inner)
    if pick < 0.88:
        return models.MultExpression(mult=[constant(rng), indicator(rng, collection)])
    return distance_decay(rng) if rng.random() < 0.5 else recency(rng)


def logistic(rng: random.Random) -> Expression:
    """A logistic regression over `$score` and a payload number: the re-ranker that users train."""
    inside = [constant(rng), models.MultExpression(mult=[constant(rng), "$score"])]
    inside.append(models.MultExpression(mult=[f32(rng.uniform(-0.3, 0.3)), "rank"]))
    power = models.ExpExpression(exp=models.NegExpression(neg=models.SumExpression(sum=inside)))
    return models.DivExpression(div=models.DivParams(left=1.0, right=models.SumExpression(sum=[1.0, power])))


def failing(rng: random.Random) -> Expression:
    """A formula that both sides must refuse."""
    return rng.choice(
        [
            models.SumExpression(sum=["$score", "nowhere"]),
            models.DivExpression(div=models.DivParams(left=1.0, right=0.0)),
            models.LnExpression(ln=-1.0),
            models.ExpExpression(exp=1e6),
            models.SumExpression(sum=["$score", "text_that_is_missing"]),
            models.SqrtExpression(sqrt=-4.0),
        ]
    )


def formula(rng: random.Random, collection: Collection, sources: int) -> models.FormulaQuery:
    """A formula query with defaults for every field that may be missing."""
    defaults = {
        "boost": 1.5,
        "meta.a": 2.0,
        "site": {"lon": 10.0, "lat": 50.0},
        "made": "2012-03-04T05:06:07Z",
        "when": "2015-01-01",
        "$score[1]": 0.25,
    }
    pick = rng.random()
    if pick < 0.03:
        return models.FormulaQuery(formula=failing(rng), defaults=defaults)
    if pick < 0.25:
        return models.FormulaQuery(formula=logistic(rng))
    guarded = models.DivParams(left="rank", right=models.MultExpression(mult=[0.0, "rank"]), by_zero_default=2.0)
    body = expression(rng, collection, sources, rng.randint(1, 3))
    if pick < 0.3:
        body = models.SumExpression(sum=[body, models.DivExpression(div=guarded)])
    return models.FormulaQuery(formula=body, defaults=defaults)
