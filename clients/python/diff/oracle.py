"""The in-memory mode with the corrections that `explained` lists: this is what the server is compared with.

Only the pinned qdrant-client 1.20.0 is supported: a few of its functions are wrapped.
"""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from typing import Any

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.local import datetime_utils, distances, json_path_parser, order_by, payload_value_extractor
from qdrant_client.local import local_collection as local
from qdrant_client.local.distances import (
    ContextQuery,
    DiscoveryQuery,
    DistanceOrder,
    NaiveFeedbackQuery,
    RecoQuery,
    distance_to_order,
)
from qdrant_client.local.multi_distances import (
    MultiContextQuery,
    MultiDiscoveryQuery,
    MultiRecoQuery,
    calculate_multi_distance_core,
)
from qdrant_client.local.sparse_distances import SparseRecoQuery, calculate_distance_sparse

CUSTOM = (DiscoveryQuery, ContextQuery, RecoQuery, NaiveFeedbackQuery)
AVERAGE = models.RecommendStrategy.AVERAGE_VECTOR
CUSTOM_MULTI = (MultiDiscoveryQuery, MultiContextQuery, MultiRecoQuery)

#: How often each correction of `explained` was needed.
corrections: Counter[str] = Counter()

_search = local.LocalCollection.search
_merge = local.LocalCollection._merge_sources
_feedback = local.LocalCollection._relevance_feedback
_multi_sum = local.calculate_multi_recommend_sum_scores
_sparse_sum = local.calculate_sparse_recommend_sum_scores


class WeightedMulti(MultiRecoQuery):
    """Relevance feedback on a multi slot, as a weighted sum of similarities."""

    weights: list[float]


class WeightedSparse(SparseRecoQuery):
    """Relevance feedback on a sparse slot, as a weighted sum of similarities."""

    weights: list[float]

    def transform_sparse(self, foo: Any) -> WeightedSparse:
        """Apply idf to the examples and keep the weights."""
        out = WeightedSparse([foo(v) for v in self.positive], [], self.strategy)
        out.weights = self.weights
        return out


def _cosine_as_stored(query: Any, vectors: Any) -> Any:
    length = np.linalg.norm(query, axis=-1, keepdims=True)
    query = query / np.where(length != 0.0, length, 1.0)
    return np.dot(vectors, query) if query.ndim == 1 else np.dot(query, vectors.T)


class _StableNumpy:
    """numpy for LocalCollection, with a sort that leaves equal scores in the order of insertion."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def argsort(scores: Any) -> Any:
        return np.argsort(scores, kind="stable")


def _weighted_multi_sum(query: MultiRecoQuery, matrices: Any, distance: models.Distance) -> Any:
    if not isinstance(query, WeightedMulti):
        return _multi_sum(query, matrices, distance)
    sims = [calculate_multi_distance_core(v, matrices, distance) for v in query.positive]
    return sum(w * s for w, s in zip(query.weights, sims, strict=True))


def _weighted_sparse_sum(query: SparseRecoQuery, vectors: Any) -> Any:
    if not isinstance(query, WeightedSparse):
        return _sparse_sum(query, vectors)
    sims = [calculate_distance_sparse(v, vectors, empty_is_zero=True) for v in query.positive]
    return sum(w * s for w, s in zip(query.weights, sims, strict=True))


def feedback_weights(scores: list[float], a: float, b: float, c: float) -> list[float]:
    """The weight of the target and of each example: wire.md 3.8 with the pairs summed per example."""
    weights = [a] + [0.0] * len(scores)
    for i, high in enumerate(scores):
        for j, low in enumerate(scores):
            confidence = float(np.float32(high) - np.float32(low))
            if confidence > 0:
                weights[i + 1] += confidence**b * c
                weights[j + 1] -= confidence**b * c
    return weights


def _feedback_any_slot(self: Any, relevance_feedback: Any, using: str | None, **rest: Any) -> Any:
    name = using or ""
    if name in self.vectors:
        return _feedback(self, relevance_feedback=relevance_feedback, using=using, **rest)
    corrections["feedback-slots"] += 1
    examples = [relevance_feedback.target, *(i.example for i in relevance_feedback.feedback)]
    resolved = [self._preprocess_vector_input(e, self, name) for e in examples]
    vectors = [vec for vec, _ in resolved]
    naive = relevance_feedback.strategy.naive
    kind: Any = WeightedSparse if name in self.sparse_vectors else WeightedMulti
    query = kind(vectors, [], models.RecommendStrategy.SUM_SCORES)
    query.weights = feedback_weights([i.score for i in relevance_feedback.feedback], naive.a, naive.b, naive.c)
    ids = [i for _, i in resolved if i is not None]
    rest["query_filter"] = local.ignore_mentioned_ids_filter(rest.get("query_filter"), ids)
    return self.search(query_vector=(name, query), **rest)


def _search_threshold(self: Any, query_vector: Any, **rest: Any) -> Any:
    name, query = self._resolve_query_vector_name(query_vector)
    threshold = rest.get("score_threshold")
    if threshold is None or not isinstance(query, CUSTOM + CUSTOM_MULTI):
        return _search(self, query_vector=query_vector, **rest)
    if distance_to_order(self.get_vector_params(name).distance) == DistanceOrder.BIGGER_IS_BETTER:
        return _search(self, query_vector=query_vector, **rest)
    corrections["threshold-custom"] += 1
    limit, offset = rest.get("limit", 10), rest.get("offset") or 0
    rest.update(score_threshold=None, limit=len(self.ids), offset=0)
    kept = [p for p in _search(self, query_vector=query_vector, **rest) if p.score > threshold]
    return kept[offset : offset + limit]


def _merge_what_is_valid(self: Any, sources: Any, query: Any, **rest: Any) -> Any:
    is_recommend = isinstance(query, models.RecommendQuery) and not query.recommend.positive
    if is_recommend and not any(sources) and query.recommend.strategy in (None, AVERAGE):
        corrections["empty-union"] += 1
        raise ValueError("Positive list is empty")
    return _merge(self, sources=sources, query=query, **rest)


def _payload_as_stored(self: Any, idx: int, with_payload: Any = True, return_copy: bool = True) -> Any:
    return self._process_payload(self.payload[idx], with_payload)


def hasten() -> None:
    """Cache what the in-memory mode computes again for every point. Nothing here changes an answer."""
    parse_path, parse_time = (
        functools.cache(json_path_parser.parse_json_path),
        functools.cache(datetime_utils.parse),
    )
    payload_value_extractor.parse_json_path = lambda key: list(parse_path(key))
    datetime_utils.parse = parse_time
    order_by.parse = parse_time
    local.LocalCollection._get_payload = _payload_as_stored


def install() -> None:
    """Put the corrections into the in-memory mode. Idempotent."""
    if local.LocalCollection.search is _search_threshold:
        return
    hasten()
    distances.cosine_similarity = _cosine_as_stored
    local.np = _StableNumpy()
    local.LocalCollection.search = _search_threshold
    local.LocalCollection._merge_sources = _merge_what_is_valid
    local.LocalCollection._relevance_feedback = _feedback_any_slot
    local.calculate_multi_recommend_sum_scores = _weighted_multi_sum
    local.calculate_sparse_recommend_sum_scores = _weighted_sparse_sum


def memory_client() -> QdrantClient:
    """A corrected in-memory client; its advice to use a server is not of interest here."""
    install()
    warnings.filterwarnings("ignore", message=".*(Payload indexes|Local mode|brute-force).*")
    return QdrantClient(":memory:")
