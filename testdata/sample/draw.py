#!/usr/bin/env python3
"""Draws the sample of artworks from the whole collection, by a fixed seed.

    python3 draw.py COLLECTION.jsonl.zst VECTORS.npy OUT_DIR [--count 5000] [--seed 2026]

Reads one JSON object a line and a two-dimensional little-endian float16 array whose row i belongs to line i.
Writes `artworks.jsonl.zst` and `artworks.npy`, in the order of the collection. Needs only Python 3.9 and the
program `zstd`; the same inputs and seed give the same lines and the same vector bytes.
"""

import argparse
import ast
import json
import pathlib
import random
import struct
import subprocess

# What a person needs to judge an answer, and what filters, facets and formulas can be tried on.
KEPT = [
    "id", "title", "artist", "year", "acquired", "medium", "classification",
    "width", "height", "movements", "subjects", "contributors",
]


def read_npy(path):
    """The shape and the raw bytes of a float16 array in C order."""
    raw = path.read_bytes()
    if raw[:6] != b"\x93NUMPY":
        raise SystemExit(f"{path}: not an .npy file")
    wide = raw[6] >= 2
    start = 12 if wide else 10
    (length,) = struct.unpack("<I" if wide else "<H", raw[8:start])
    header = ast.literal_eval(raw[start:start + length].decode("latin1"))
    if header["descr"] != "<f2" or header["fortran_order"] or len(header["shape"]) != 2:
        raise SystemExit(f"{path}: expected a two-dimensional <f2 array in C order, found {header}")
    return header["shape"], raw[start + length:]


def write_npy(path, shape, body):
    """A version 1 .npy file of float16 values, its data aligned to 64 bytes."""
    header = repr({"descr": "<f2", "fortran_order": False, "shape": shape}).encode()
    padding = -(10 + len(header) + 1) % 64
    header += b" " * padding + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection", type=pathlib.Path)
    parser.add_argument("vectors", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=2026)
    args = parser.parse_args()

    lines = subprocess.run(["zstd", "-dc", args.collection], check=True, stdout=subprocess.PIPE).stdout.splitlines()
    (rows, dim), body = read_npy(args.vectors)
    if rows != len(lines):
        raise SystemExit(f"{len(lines)} lines but {rows} vectors")

    drawn = sorted(random.Random(args.seed).sample(range(rows), args.count))
    width = dim * 2
    write_npy(args.out / "artworks.npy", (len(drawn), dim), b"".join(body[row * width:(row + 1) * width] for row in drawn))

    kept = []
    for row in drawn:
        work = json.loads(lines[row])
        # A key without a value says nothing; leaving it out also shows `is_empty` at work.
        kept.append(json.dumps({key: work[key] for key in KEPT if work.get(key) is not None}, ensure_ascii=False))
    text = ("\n".join(kept) + "\n").encode()
    target = args.out / "artworks.jsonl.zst"
    subprocess.run(["zstd", "-19", "-q", "-f", "--no-check", "-o", target], input=text, check=True)
    print(f"{len(drawn)} of {rows} artworks, {dim} dimensions")


if __name__ == "__main__":
    main()
