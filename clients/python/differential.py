"""The differential test from the command line: a server against the client's in-memory mode.

    python differential.py --url http://127.0.0.1:6333 --seed 1 --requests 50000
    python differential.py --restart-every 300       # KINDRED_BIN in a folder of its own, ended and started again
    python differential.py --subject memory          # check the generator and the comparison themselves

The server must not hold collections of the same names; they are created and left in place. Ends with status 1
if anything unexplained was found, and then prints each mismatch as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from diff.explained import EXPLAINED
from diff.restarting import Restarting
from diff.runner import Run
from diff.subjects import Memory, Server, Subject


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the server under test")
    parser.add_argument("--subject", choices=["server", "memory"], default="server")
    parser.add_argument(
        "--restart-every",
        type=int,
        metavar="REQUESTS",
        help="start the server of KINDRED_BIN, let it seal and merge all the time, and restart it about so often",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--most", type=int, default=20, help="stop after this many mismatches")
    parser.add_argument("--explain", action="store_true", help="print the table of explained differences and end")
    return parser.parse_args()


def subject(options: argparse.Namespace) -> Subject:
    """The side under test."""
    if options.subject == "memory":
        return Memory(backwards=True)
    if not options.url:
        sys.exit("--url is needed, or --subject memory")
    return Server(options.url)


def main() -> int:
    """Run and report."""
    options = arguments()
    if options.explain:
        for name, entry in EXPLAINED.items():
            print(f"{name}\n  {entry.reason}\n  -> {entry.handling}")
        return 0
    if options.restart_every:
        with tempfile.TemporaryDirectory() as folder:
            restarting = Restarting(Path(folder) / "storage", options.restart_every, options.seed)
            try:
                report = Run(restarting, options.seed).run(options.requests, options.most)
            finally:
                restarting.end()
            print(f"{restarting.restarts} restarts")
    else:
        report = Run(subject(options), options.seed).run(options.requests, options.most)
    for mismatch in report.mismatches:
        print(json.dumps(mismatch, default=str))
    print(report.text())
    return 1 if report.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
