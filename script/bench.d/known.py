#!/usr/bin/env python3
"""Compares known/ with its peers in one run: one thread, processor time.

PDQ against PyPI pdqhash, exact lookup against PyPI faiss-cpu; both in a virtual environment that this makes once.
Run from the root of the project: script/bench.d/known.py [pdq] [lookup] [--entries N]
Prints a table on stderr and one JSON object on stdout.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "target" / "bench-peers"
PACKAGES = ["pdqhash==0.2.8", "faiss-cpu==1.15.1", "numpy"]
SIZES = ["128x128", "512x512", "1280x720", "1920x1080"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("parts", nargs="*", default=["pdq", "lookup"])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments = arguments.parse_args()
    if Path(sys.prefix) != PEERS:
        enter_peers()
    report = {}
    if "pdq" in arguments.parts:
        report["pdq"] = [pdq(size) for size in SIZES]
    if "lookup" in arguments.parts:
        report["lookup"] = lookup(arguments.entries)
    print(json.dumps(report, indent=1))


def enter_peers():
    """Starts this program again with the peers installed."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, stdout=sys.stderr)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.execv(python, [str(python), *sys.argv])


def example(name, *arguments):
    """One JSON object a line from an example program of the crate."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "streamward-known", "--example", name, "--", *arguments]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def best_ms(work, rounds=9):
    import time

    start = time.process_time()
    work()
    n = max(1, int(0.1 / max(time.process_time() - start, 1e-4)))
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(n):
            work()
        best = min(best, (time.process_time() - start) * 1e3 / n)
    return best


def pdq(size):
    import numpy
    import pdqhash

    width, height = map(int, size.split("x"))
    file = PEERS / f"{size}.rgb"
    y, x = numpy.mgrid[0:height, 0:width]
    wave = 128 + 80 * numpy.sin(x * 23 / width) * numpy.cos(y * 17 / height + x * 5 / width)
    noise = numpy.random.default_rng(7).integers(0, 32, (height, width, 3))
    picture = (wave[..., None] + noise).clip(0, 255).astype(numpy.uint8)
    file.write_bytes(picture.tobytes())
    theirs = numpy.packbits(pdqhash.compute(picture)[0].astype(numpy.uint8)).tobytes().hex()
    peer_ms = best_ms(lambda: pdqhash.compute(picture))
    (ours,) = example("hash_speed", size, str(file))
    row = {"size": size, "ours_ms": ours["rgb_ms"], "pdqhash_ms": round(peer_ms, 4)}
    row["times_faster"] = round(peer_ms / ours["rgb_ms"], 1)
    row["bits_from_plain"] = ours["differing_bits"]
    # The package shrinks large pictures with a method of its own, so bits are compared where it does not.
    row["bits_from_pdqhash"] = bin(int(theirs, 16) ^ int(ours["hash"], 16)).count("1")
    print("{size:>10}  ours {ours_ms:8.4f} ms  pdqhash {pdqhash_ms:8.4f} ms  ×{times_faster}".format(**row), file=sys.stderr)
    return row


def lookup(n_entries):
    """Random hashes; each needle is one of them with 0 to 31 bits flipped, so that at least one is found."""
    import time

    import faiss
    import numpy

    faiss.omp_set_num_threads(1)
    random = numpy.random.default_rng(7)
    codes = random.integers(0, 256, (n_entries, 32), dtype=numpy.uint8)
    needles = codes[random.integers(0, n_entries, 500)].copy()
    for i, needle in enumerate(needles):
        for bit in random.choice(256, i % 32, replace=False):
            needle[bit // 8] ^= 1 << (bit % 8)
    files = [str(PEERS / "codes.bin"), str(PEERS / "needles.bin")]
    codes.tofile(files[0])
    needles.tofile(files[1])
    (ours,) = example("lookup_speed", *files, "31")
    report = {"ours": ours, "peers": []}
    peers = {
        "faiss Flat": (lambda: faiss.IndexBinaryFlat(256), 0, 50),
        "faiss MultiHash 11x23": (lambda: faiss.IndexBinaryMultiHash(256, 11, 23), 2, 500),
        "faiss MultiHash 16x16": (lambda: faiss.IndexBinaryMultiHash(256, 16, 16), 1, 200),
    }
    for name, (make, n_flips, n_needles) in peers.items():
        if n_entries > 2_000_000 and n_flips > 0:
            continue  # takes many minutes and gigabytes to build
        index = make()
        start = time.process_time()
        index.add(codes)
        build_s = time.process_time() - start
        if n_flips:
            index.nflip = n_flips
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            limits, _, _ = index.range_search(needles[:n_needles], 32)
            best = min(best, time.process_time() - start)
        n_answered = int((numpy.diff(limits.astype(numpy.int64)) > 0).sum())
        peer = {"name": name, "queries_s": round(n_needles / best, 1), "answered": f"{n_answered}/{n_needles}"}
        peer |= {"build_s": round(build_s, 1), "times_faster": round(ours["queries_s"] * best / n_needles, 1)}
        report["peers"].append(peer)
        print("{name:24} {queries_s:10} queries/s  ours ×{times_faster}".format(**peer), file=sys.stderr)
        del index
    print(f"{'ours':24} {ours['queries_s']:10} queries/s", file=sys.stderr)
    return report


if __name__ == "__main__":
    main()
