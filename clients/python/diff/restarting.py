"""A server that is ended and started again between the requests, and seals and merges all the time."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from diff.queries import Request
from diff.subjects import Answer, Server
from server import Server as Process

#: A segment after every few hundred points, merged as soon as there are two.
EAGER = {
    "KINDRED__STORAGE__SEAL_BYTES": "30000",
    "KINDRED__STORAGE__SEAL_AGE_S": "1",
    "KINDRED__STORAGE__TIER_FACTOR": "2",
}


class Restarting(Server):
    """Ends its process after about `every` requests, one time with SIGKILL and one time with SIGTERM."""

    def __init__(self, storage: Path, every: int, seed: int, serve: Callable[[], Process] | None = None) -> None:
        self.storage = storage
        self.serve = serve or (lambda: Process(storage, env=EAGER))
        self.every = every
        self.rng = random.Random(seed)
        self.restarts = 0
        self.sealed = 0  # segment files seen at the restarts, in all
        self.left = every
        self.process = self.serve()
        super().__init__(self.process.url)

    def run(self, request: Request) -> Answer:
        """Answer one request, perhaps after a restart."""
        self.left -= 1
        if self.left <= 0:
            self.restart()
        return super().run(request)

    def restart(self) -> None:
        """End the process and start another one over its folder."""
        if self.rng.random() < 0.5:
            self.process.stop()
        else:
            self.process.kill()
        self.client.close()
        self.restarts += 1
        self.sealed += len(list(self.storage.glob("c/*/s0/seg/*.seg")))
        self.left = self.rng.randint(1, 2 * self.every)
        self.process = self.serve()
        super().__init__(self.process.url)

    def end(self) -> None:
        """End the process for good."""
        self.client.close()
        self.process.kill()
