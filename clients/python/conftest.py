"""Fixtures: the server under test, and the official client over it or over its own in-memory mode.

`--subject memory` runs the tests against the client's in-memory mode, which proves the tests themselves; those
marked `server_only` need the server, each with its reason.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import httpx
import pytest
from qdrant_client import QdrantClient

from server import Server

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose the side under test."""
    parser.addoption("--subject", choices=["server", "memory"], default="server")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "server_only(reason): meaningless or known to be wrong in memory")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the in-memory mode cannot show. Against a server nothing is left out."""
    if config.getoption("--subject") == "server":
        return
    for item in items:
        mark = item.get_closest_marker("server_only")
        if mark is not None or {"server", "http", "fresh_server", "target"} & set(getattr(item, "fixturenames", ())):
            reason = mark.args[0] if mark is not None and mark.args else "needs a server"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole session; it must still be alive at the end."""
    running = Server(tmp_path_factory.mktemp("shared") / "storage")
    yield running
    running.check_alive()
    running.kill()


@pytest.fixture
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over an empty folder, for one test."""
    running = Server(tmp_path_factory.mktemp("fresh") / "storage")
    yield running
    running.check_alive()
    running.kill()


@pytest.fixture(autouse=True)
def _died_during_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Blame the test during which the shared server died."""
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").check_alive()


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[QdrantClient]:
    """The official client, synchronous."""
    warnings.filterwarnings("ignore", message=".*(Payload indexes|brute-force).*")
    if request.config.getoption("--subject") == "memory":
        yield QdrantClient(":memory:")
        return
    yield QdrantClient(url=request.getfixturevalue("server").url, timeout=10)


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """Plain HTTP to the server, for bodies that the client would not send."""
    with httpx.Client(base_url=server.url, timeout=10) as plain:
        yield plain


@pytest.fixture
def name() -> str:
    """A collection name that no other test uses."""
    return f"c{next(_numbers)}"
