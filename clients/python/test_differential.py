"""The differential test in CI: a fixed seed against the server, and proofs that the comparison can fail."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from diff.explained import EXPLAINED
from diff.restarting import Restarting
from diff.runner import Report, Run
from diff.subjects import Memory, Sabotaged, Server

SEED = int(os.environ.get("KINDRED_DIFF_SEED", "20250101"))
REQUESTS = int(os.environ.get("KINDRED_DIFF_REQUESTS", "5000"))


def explain(report: Report) -> str:
    """The failure message: the first mismatches, whole, and the summary."""
    shown = [json.dumps(m, default=str)[:6000] for m in report.mismatches[:5]]
    return "\n".join([*shown, report.text()])


def test_server_answers_like_the_in_memory_mode(request: pytest.FixtureRequest) -> None:
    """Thousands of random requests, and nothing unexplained."""
    if request.config.getoption("--subject") == "memory":
        subject = Memory(backwards=True)
    else:
        subject = Server(request.getfixturevalue("fresh_server").url)
    report = Run(subject, SEED).run(REQUESTS)
    print(report.text())
    assert not report.mismatches, explain(report)
    assert report.total >= REQUESTS
    assert set(report.explained) <= set(EXPLAINED)
    assert report.refused < report.total / 20, "most requests must be answered, not refused"


@pytest.mark.server_only("ends and starts its own server")
def test_small_segments_and_restarts_change_no_answer(tmp_path: Path) -> None:
    """The same requests to a server that seals after every few hundred points and is ended again and again."""
    subject = Restarting(tmp_path / "storage", 150, SEED)
    try:
        report = Run(subject, SEED).run(REQUESTS // 2)
    finally:
        subject.end()
    print(f"{subject.restarts} restarts\n{report.text()}")
    assert not report.mismatches, explain(report)
    assert subject.restarts >= REQUESTS // 2 // 300
    assert subject.sealed > subject.restarts, f"{subject.sealed} segments at {subject.restarts} restarts"


@pytest.mark.parametrize("damage", ["score", "order", "missing", "payload", "twice"])
def test_comparison_notices(damage: str) -> None:
    """Each kind of wrong answer is reported as a mismatch: the comparison is not a rubber stamp."""
    spoiled = Sabotaged(damage)
    report = Run(spoiled, 3).run(60, most=3)
    assert spoiled.spoiled > 0
    assert report.mismatches, f"{spoiled.spoiled} answers with damage {damage!r} went unnoticed"


def test_same_seed_same_requests() -> None:
    """A seed names a run: two generators with it draw the same requests."""
    first, second = (Run(Memory(), 11) for _ in range(2))
    for _ in range(50):
        assert repr(first.queries.any()) == repr(second.queries.any())
