"""Starts, watches and kills a server process for the tests. The only file that knows its command line."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx

READY_WITHIN = 30.0


def binary() -> Path:
    """The server under test, from `KINDRED_BIN`."""
    path = os.environ.get("KINDRED_BIN")
    if not path:
        raise RuntimeError("set KINDRED_BIN to the server binary, or run with --subject memory where possible")
    if not Path(path).is_file():
        raise RuntimeError(f"KINDRED_BIN={path} is not a file")
    return Path(path)


def _command(place: str, *more: str) -> list[str]:
    """The command line of a server on any free port."""
    return [str(binary()), "serve", "--storage", place, "--host", "127.0.0.1", "--http-port", "0", *more]


def end_while_opening(storage: Path, after_s: float, env: dict[str, str]) -> None:
    """Start a server and end it with SIGKILL a moment later, most likely before it is ready."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(_command(str(storage)), env={**os.environ, **env}, **quiet) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)


class Server:
    """A running server over a storage folder, or over `place`. It answers at `url` once the constructor returns."""

    def __init__(
        self, storage: Path, *more: str, place: str | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.storage = storage
        self.log = storage.parent / f"{storage.name}.log"
        command = _command(place or str(storage), *more)
        self._log_file = self.log.open("ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log_file, text=True, env={**os.environ, **(env or {})}
        )
        self.url = self._wait_for_address()
        self._wait_until_ready()

    def _wait_for_address(self) -> str:
        """The address from the line `listening on http://...` on standard output."""
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                lines.put(line)
            lines.put(None)

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + READY_WITHIN
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                raise RuntimeError(f"the server ended before it listened:\n{self.tail()}")
            if "listening on http" in line:
                return line.split("listening on ")[1].split()[0].rstrip("/")
        self.kill()
        raise RuntimeError(f"the server did not listen within {READY_WITHIN} s:\n{self.tail()}")

    def _wait_until_ready(self) -> None:
        """Ask `/readyz` until it says yes."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                if httpx.get(f"{self.url}/readyz", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.01)
        raise RuntimeError(f"the server was not ready within {READY_WITHIN} s:\n{self.tail()}")

    def tail(self) -> str:
        """The end of the server's own log."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def check_alive(self) -> None:
        """Fail loudly if the process ended."""
        if not self.is_alive():
            raise RuntimeError(f"the server died with status {self.process.returncode}:\n{self.tail()}")

    def rss_kb(self) -> int:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def stop(self) -> None:
        """Ask the process to end, as a supervisor does, and expect that it does so at once and without complaint."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        self.kill()
        if status != 0:
            raise RuntimeError(f"the server ended with status {status}:\n{self.tail()}")

    def kill(self) -> None:
        """End the process with SIGKILL: nothing is flushed, no handler runs."""
        if self.is_alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)
        self._reader.join(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log_file.close()
