"""Every place where the in-memory mode of qdrant-client 1.20.0 is not taken at its word, and what is done instead.

Nothing is skipped silently: an entry is either corrected in the in-memory side (`oracle`, `subjects`), kept out
of the generator by construction and checked by golden numbers, or recognised in an answer by a second, stricter
check (`compare`). The runner counts how often each of the counted ones happened.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explained:
    """Why the in-memory mode is not compared directly, and how the case is checked all the same."""

    reason: str
    handling: str


EXPLAINED: dict[str, Explained] = {
    # Corrected on the in-memory side, and then compared.
    "threshold-custom": Explained(
        "score_threshold of best_score, sum_scores, discover, context and feedback on Euclid and Manhattan: the "
        "in-memory mode stops at the first score >= t of a falling list; ours keeps scores above the threshold",
        "corrected: oracle searches without the threshold and filters",
    ),
    "tree-exclusion": Explained(
        "example ids inside a prefetch are excluded only in that prefetch, those of a feedback query above prefetches "
        "not in the prefetches; wire.md 3.3 excludes all of them in the whole tree",
        "corrected: subjects adds the tree's ids as must_not has_id to the root filter",
    ),
    "feedback-lookup": Explained(
        "relevance feedback ignores lookup_from and reads the ids from the searched collection",
        "corrected: subjects replaces the ids by the vectors of the lookup collection",
    ),
    "feedback-slots": Explained(
        "relevance feedback exists for dense slots only",
        "corrected: oracle scores sparse and multi slots as a weighted sum_scores",
    ),
    "mmr-offset": Explained(
        "MMR selects limit+offset points before it skips; wire.md 3.11 stops at limit and then skips",
        "corrected: subjects asks without offset and cuts",
    ),
    "empty-union": Explained(
        "a recommendation by average without positives is answered with nothing when its prefetches found nothing; "
        "wire.md 3.4 refuses it, and ours does so whatever the data",
        "corrected: oracle refuses it too",
    ),
    "sample": Explained(
        "a random sample cannot be equal on both sides, and the in-memory mode ignores its offset",
        "checked by properties: size, distinct, all match the filter, score 1.0",
    ),
    "cosine-drift": Explained(
        "each cosine search normalises the stored vectors again in place, and its sort is not stable, so that equal "
        "requests differ in the last bit and order ties differently",
        "corrected: oracle leaves stored vectors alone and sorts stably",
    ),
    "null-context": Explained(
        "discover with context null raises AttributeError, context with an empty list is refused",
        "generator writes []; golden in test_kinds (all scores 0 for an empty context)",
    ),
    # Recognised in an answer, by a stricter second check.
    "tie": Explained(
        "points of equal score may come in any order, and any of them may be the one that the limit cuts",
        "checked: every id has its own score in the full in-memory ranking, and no better point is missing",
    ),
    "tie-in-prefetch": Explained(
        "a tie (or a difference of one rounding) inside a prefetch changes ranks, the cut, or $score downstream",
        "checked: each prefetch is compared as a request of its own, and the merge is recomputed from the "
        "server's own prefetch lists",
    ),
    "rounding-tie": Explained(
        "discover ranks and the winning side of best_score jump where two similarities differ by less than the "
        "rounding of f32",
        "checked: the other value is accepted only for points where the two similarities are that close",
    ),
    "mmr-tie": Explained(
        "MMR picks among candidates of equal marginal score in no documented order",
        "checked: each pick of the server is a best one, given its earlier picks",
    ),
    # Kept out of the generator by construction.
    "text": Explained(
        "without a text index match.text/text_any/phrase compare whole lower-cased tokens; wire.md 4.3 says substring",
        "generator uses words where both agree; golden in test_points",
    ),
    "inner-should": Explained(
        "a filter on a node with prefetches is applied again when it rescores; wire.md 3.13 only pushes it to the "
        "leaves (visible with should and min_should, which merge into one OR)",
        "such filters use must and must_not only; golden in test_hybrid",
    ),
    "nested-object": Explained(
        "nested on a plain object never matches; wire.md 4.3 allows an object",
        "generator nests into arrays only",
    ),
    "empty-clauses": Explained(
        "min_should without conditions matches nothing, min_count 0 is refused; ours treats empty lists as absent "
        "everywhere, also should: [] inside nested, where wire.md 4.1 describes a checker that matches nothing",
        "not generated; golden in test_points",
    ),
    "several-operators": Explained(
        "a field condition with several operators looks at one of them only; wire.md 4.1 ORs them",
        "not generated; golden in test_points",
    ),
    "slice": Explained("the hash of a slice condition is not specified in wire.md", "not generated"),
    "newer-than-server": Explained(
        "max, min and acosh expressions, match.substring, text queries and idf corpora are newer than wire.md",
        "not generated",
    ),
    "duplicate-ids": Explained(
        "retrieve repeats duplicated ids; wire.md 5.4 collapses them",
        "not generated; golden in test_points",
    ),
    "missing-ids": Explained(
        "payload and vector updates that name a missing id apply the others and then fail; wire.md is silent on the "
        "partial effect",
        "updates name existing points only; the 404 is in test_errors",
    ),
    "order-by-index": Explained(
        "order_by and facet need no index and mix types in memory",
        "both sides get indexes, fields have one type; the 400 is in test_errors",
    ),
    "order-by-arrays": Explained(
        "order_by as a query drops consecutive repeats of an id (wire.md 3.9), the in-memory mode repeats them",
        "arrays are ordered by in scroll only; golden in test_points",
    ),
    "groups-prefetch": Explained(
        "groups raise all prefetch limits to the collection's size in memory, by group_size in wire.md 3.16",
        "groups are compared over prefetches that hold everything; golden in test_hybrid",
    ),
    "one-row-multi": Explained(
        "a dense vector for a multi slot is refused; wire.md 3.1 reads it as one row",
        "not generated; golden in test_kinds",
    ),
    "datatypes": Explained(
        "float16 and uint8 are ignored (f32 is stored)",
        "narrow slots hold only numbers that their type represents, averages of several examples are left out, "
        "and no cosine; golden in test_kinds",
    ),
    "mmr-idf": Explained(
        "MMR on a sparse slot with idf compares raw weights; wire.md does not say which",
        "not generated",
    ),
    "dbsf-rounding": Explained(
        "DBSF divides by the spread of a source, which blows up the rounding of scores that are nearly equal",
        "checked like tie-in-prefetch: recomputed from the server's own lists",
    ),
    "indexed-null": Explained(
        "wire.md 3.12 says that a formula variable that is null is a type error unindexed and missing when indexed; "
        "ours is a type error either way, so that no result depends on an index",
        "formula fields are never null; golden in test_hybrid",
    ),
    "f64-input": Explained(
        "query vectors stay f64 in memory, a server parses f32",
        "all generated numbers are f32",
    ),
}
