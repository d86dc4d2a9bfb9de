"""What a row of the error tables is, and the bodies that several tables share."""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One request and the refusal it must get. `exact` is the whole error text, `has` are parts of it.

    A tuple of statuses stands where wire.md leaves the choice.
    """

    name: str
    method: str
    path: str
    body: Any
    status: int | tuple[int, ...]
    exact: str | None = None
    has: tuple[str, ...] = ()


V4 = [0.1, 0.2, 0.3, 0.4]
NEAREST = {"query": V4}
#: What the `errors` collection is: the default vector of size 4, points 1 and 2, a payload without indexes.
QUERY, POINTS_PATH, VECTORS = (
    "/errors/points/query",
    "/errors/points?wait=true",
    "/errors/points/vectors?wait=true",
)
LIMIT_ZERO = "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]"
NEED_QUERY = "Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query."
NEED_QUERY_FOR_THRESHOLD = (
    "Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query."
)
NO_FUSION = "Wrong input: Validation failed: cannot apply Fusion without prefetches"
NO_ORDER_INDEX = "Wrong input: No range index for `order_by` key: `n`. Please create one to use `order_by`."


def feedback(**change: Any) -> dict[str, Any]:
    """A relevance feedback query, with parts of it replaced."""
    body = {
        "target": V4,
        "feedback": [{"example": 1, "score": 1.0}],
        "strategy": {"naive": {"a": 1, "b": 1, "c": 1}},
    }
    return {"query": {"relevance_feedback": {**body, **change}}}


def recommend(**parts: Any) -> dict[str, Any]:
    """A recommend query."""
    return {"query": {"recommend": parts}}


def formula(expression: Any, **more: Any) -> dict[str, Any]:
    """A formula over one prefetch."""
    return {"prefetch": {"query": V4}, "query": {"formula": expression, **more}}


def sparse(indices: list[int], values: list[float], name: str = "s") -> dict[str, Any]:
    """An upsert of one sparse vector."""
    return {"points": [{"id": 1, "vector": {name: {"indices": indices, "values": values}}}]}
