"""The asynchronous client: the main query kinds, and many requests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from golden import PAYLOADS, POINTS, assert_ranked, field, ids
from test_hybrid import COEFFICIENTS, INTERCEPT, logistic, two_lists
from test_kinds import AVERAGE, BEST, LIKE_1_UNLIKE_2, SUM, discover, recommend


def run(request: pytest.FixtureRequest, body: Callable[[AsyncQdrantClient], Awaitable[None]]) -> None:
    """Run `body` with a client of its own."""

    async def whole() -> None:
        if request.config.getoption("--subject") == "memory":
            client = AsyncQdrantClient(":memory:")
        else:
            client = AsyncQdrantClient(url=request.getfixturevalue("server").url, timeout=10)
        try:
            await body(client)
        finally:
            await client.close()

    asyncio.run(whole())


async def six(client: AsyncQdrantClient, name: str) -> None:
    """The six points."""
    await client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    points = [models.PointStruct(id=i, vector=v, payload={**PAYLOADS[i], "x1": 1, "x2": 0}) for i, v in POINTS.items()]
    await client.upsert(name, points, wait=True)


@pytest.mark.parametrize("strategy", [AVERAGE, BEST, SUM])
def test_recommend(request: pytest.FixtureRequest, name: str, strategy: Any) -> None:
    """By ids, with each strategy."""

    async def body(client: AsyncQdrantClient) -> None:
        await six(client, name)
        found = await client.query_points(name, query=recommend([1], [2], strategy))
        assert_ranked(found.points, LIKE_1_UNLIKE_2["Dot", strategy])
        only = await client.query_points(
            name, query=recommend([1], [2], strategy), query_filter=field("n", range=models.Range(lt=4))
        )
        assert ids(only.points) == [3]

    run(request, body)


def test_discover_context_feedback(request: pytest.FixtureRequest, name: str) -> None:
    """The other exploration kinds."""

    async def body(client: AsyncQdrantClient) -> None:
        await six(client, name)
        found = await client.query_points(name, query=discover(5, (1, 2)))
        assert_ranked(found.points, [(6, 1.75), (3, -0.0625), (4, -0.75)])
        context = models.ContextQuery(context=[models.ContextPair(positive=1, negative=2)])
        found = await client.query_points(name, query=context)
        assert_ranked(found.points, [(6, 0), (5, 0), (3, -0.5), (4, -0.875)])
        naive = models.NaiveFeedbackStrategy(naive=models.NaiveFeedbackStrategyParams(a=1, b=0, c=0.1))
        items = [models.FeedbackItem(example=i, score=s) for i, s in ((1, 3), (2, 1), (3, -2))]
        feedback = models.RelevanceFeedbackInput(target=[1.0, 1.0], feedback=items, strategy=naive)
        found = await client.query_points(name, query=models.RelevanceFeedbackQuery(relevance_feedback=feedback))
        assert_ranked(found.points, [(6, 1.0), (5, 0.8), (4, -1.8)])

    run(request, body)


def test_hybrid(request: pytest.FixtureRequest, name: str) -> None:
    """Fusion, a logistic regression, groups and a batch."""

    async def body(client: AsyncQdrantClient) -> None:
        await six(client, name)
        rrf = models.FusionQuery(fusion=models.Fusion.RRF)
        found = await client.query_points(name, query=rrf, prefetch=two_lists())
        assert_ranked(found.points, [(3, 1.0), (6, 1 / 3), (4, 1 / 3)])
        found = await client.query_points(name, query=logistic(INTERCEPT, COEFFICIENTS), prefetch=two_lists())
        assert ids(found.points) == [3, 6, 4]
        groups = await client.query_points_groups(name, "color", query=[1.0, 0.0], group_size=1, limit=2)
        assert [(g.id, ids(g.hits)) for g in groups.groups] == [("blue", [3]), ("green", [6])]
        batch = await client.query_batch_points(name, [models.QueryRequest(query=i, limit=1) for i in (1, 2)])
        assert [ids(a.points) for a in batch] == [[3], [3]]

    run(request, body)


def test_reads_and_writes(request: pytest.FixtureRequest, name: str) -> None:
    """Scroll, count, retrieve, payload and delete."""

    async def body(client: AsyncQdrantClient) -> None:
        await six(client, name)
        await client.set_payload(name, {"x": 1}, points=[1], wait=True)
        await client.delete(name, [2], wait=True)
        assert (await client.count(name)).count == 5
        page, offset = await client.scroll(name, limit=2)
        assert ids(page) == [1, 3] and offset == 4
        assert ((await client.retrieve(name, [1]))[0].payload or {})["x"] == 1

    run(request, body)


def test_many_requests_at_once(request: pytest.FixtureRequest, name: str) -> None:
    """Concurrent readers and writers: every answer is complete and right."""

    async def body(client: AsyncQdrantClient) -> None:
        await six(client, name)
        writes = [
            client.upsert(name, [models.PointStruct(id=100 + i, vector=[0.0, -1.0 - i])], wait=True) for i in range(40)
        ]
        reads = [client.query_points(name, query=[1.0, 0.0], limit=3) for _ in range(40)]
        answers = await asyncio.gather(*writes, *reads)
        assert all(ids(a.points)[:2] == [3, 6] for a in answers[40:])
        assert (await client.count(name)).count == 46

    run(request, body)
