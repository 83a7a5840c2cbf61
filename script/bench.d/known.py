#!/usr/bin/env python3
"""Compares known/ with its peers in one run: one thread, processor time.

PDQ against PyPI pdqhash and, where $THREATEXCHANGE names a checkout of facebook/ThreatExchange, against its C++ built
with -O3; exact lookup against PyPI faiss-cpu at 1 and 10 million entries. The Python packages go into a virtual
environment that this makes once. `load` starts the service with 10 million hashes and asks it from the same machine;
`robustness` writes docs/robustness.md anew.
Run from the root of the project: script/bench.d/known.py [pdq] [lookup] [load] [robustness] [--entries N …] [--seconds N]
Prints tables on stderr and one JSON object on stdout.
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
    arguments.add_argument("--entries", type=int, nargs="+", default=[1_000_000, 10_000_000])
    arguments.add_argument("--load-entries", type=int, default=10_000_000)
    arguments.add_argument("--seconds", type=int, default=20, help="of each kind of load")
    arguments.add_argument("--dev", action="store_true", help="the service and robustness as `cargo build` makes them")
    arguments = arguments.parse_args()
    if Path(sys.prefix) != PEERS:
        enter_peers()
    report = {}
    if "pdq" in arguments.parts:
        report["pdq"] = [pdq(size) for size in SIZES]
    if "lookup" in arguments.parts:
        report["lookup"] = [lookup(n_entries) for n_entries in arguments.entries]
    if "load" in arguments.parts:
        report["load"] = load(arguments.load_entries, arguments.seconds, arguments.dev)
    if "robustness" in arguments.parts:
        robustness(arguments.dev)
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
    meta = meta_program()
    if meta:
        output = subprocess.run([meta, str(width), str(height), file], check=True, stdout=subprocess.PIPE, text=True).stdout
        theirs_cpp = json.loads(output)
        row["meta_cpp_ms"] = theirs_cpp["ms"]
        row["times_faster_than_meta_cpp"] = round(theirs_cpp["ms"] / ours["rgb_ms"], 1)
        row["bits_from_meta_cpp"] = bin(int(theirs_cpp["hash"], 16) ^ int(ours["hash"], 16)).count("1")
    row["bits_from_plain"] = ours["differing_bits"]
    # The package shrinks large pictures with a method of its own, so bits are compared where it does not.
    row["bits_from_pdqhash"] = bin(int(theirs, 16) ^ int(ours["hash"], 16)).count("1")
    print("{size:>10}  ours {ours_ms:8.4f} ms  pdqhash {pdqhash_ms:8.4f} ms  ×{times_faster}".format(**row), end="", file=sys.stderr)
    if meta:
        print("  Meta's C++ {meta_cpp_ms:8.4f} ms  ×{times_faster_than_meta_cpp}, {bits_from_meta_cpp} bits apart".format(**row), end="", file=sys.stderr)
    print(file=sys.stderr)
    return row


def meta_program():
    """Meta's own PDQ, built from the checkout that $THREATEXCHANGE names; None without one."""
    checkout = os.environ.get("THREATEXCHANGE")
    if not checkout:
        if not getattr(meta_program, "is_told", False):
            print("lacking: $THREATEXCHANGE names no checkout of facebook/ThreatExchange; its C++ is left out", file=sys.stderr)
        meta_program.is_told = True
        return None
    program, source = PEERS / "known_meta", ROOT / "script/bench.d/known_meta.cpp"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        folder = Path(checkout) / "pdq" / "cpp"
        parts = ["common/pdqhashtypes.cpp", "common/pdqhamming.cpp", "downscaling/downscaling.cpp", "hashing/pdqhashing.cpp", "hashing/torben.cpp"]
        files = [folder / part for part in parts if (folder / part).exists()]
        subprocess.run(["g++", "-O3", "-std=c++17", f"-I{checkout}", source, *files, "-o", program], check=True)
    return program


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


def load(n_entries, seconds, is_dev):
    """The service with so many hashes, and its client beside it; a second, small list changes all the while."""
    import signal
    import threading
    import time

    import numpy

    folder = PEERS / "load"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    heading = "streamward list 1\nname: {}\nversion: {}\nsource: bench\ncreated: 2026-11-24\n"
    line = "{}\tpdq\te{}\tbench\t2026-11-24\t-\t-\n"
    large = folder / f"large-{n_entries}"
    if not large.exists():
        random = numpy.random.default_rng(11)
        with open(folder / "unfinished", "w") as file:
            file.write(heading.format("large", 1))
            for first in range(0, n_entries, 100_000):
                n = min(100_000, n_entries - first)
                codes = random.integers(0, 256, (n, 32), dtype=numpy.uint8).tobytes().hex()
                file.writelines(line.format(codes[i * 64 : i * 64 + 64], first + i) for i in range(n))
        (folder / "unfinished").rename(large)

    def small(version):
        entries = "".join(line.format(f"{i * version:064x}", f"v{version}-{i}") for i in range(200))
        (folder / "unfinished").write_text(heading.format("small", version) + entries)
        (folder / "unfinished").rename(folder / "small")

    small(1)
    build = ["cargo", "build", "--quiet", "-p", "streamward", "--bin", "streamward", "--example", "known_load"]
    subprocess.run([*build, *([] if is_dev else ["--release"])], cwd=ROOT, check=True, stdout=sys.stderr)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / ("debug" if is_dev else "release")
    began = time.monotonic()
    command = [target / "streamward", "serve", "--listen", "127.0.0.1:0", "--data", folder / "data", "--refresh", "1"]
    server = subprocess.Popen([*command, "--list", large, "--list", folder / "small"], stderr=subprocess.PIPE, text=True)
    address = None
    for text in server.stderr:
        print(text, end="", file=sys.stderr)
        if "serving on http://" in text:
            address = text.split("http://")[1].strip()
            break
    if address is None:
        sys.exit("the service did not start")
    threading.Thread(target=lambda: [print(text, end="", file=sys.stderr) for text in server.stderr], daemon=True).start()
    report = {"entries": n_entries, "profile": "dev" if is_dev else "release", "start_s": round(time.monotonic() - began, 1), "runs": []}
    is_over, versions = threading.Event(), [1]

    def change():
        while not is_over.wait(2):
            versions[0] += 1
            small(versions[0])

    changing = threading.Thread(target=change, daemon=True)
    changing.start()
    try:
        for kind, n_connections in (("batch", 4), ("single", 8)):
            client = [target / "examples" / "known_load", address, kind, str(seconds), str(n_connections), str(server.pid)]
            output = subprocess.run(client, check=True, stdout=subprocess.PIPE, text=True).stdout
            row = json.loads(output)
            report["runs"].append(row)
            text = "{kind:>7}  {lookups_s:7.0f} lookups/s  p50 {p50_ms} ms  p99 {p99_ms} ms  failed {failed}  client {client_cores} cores"
            text += "  server {server_cores} cores  memory {memory_mb_before:.0f} to {memory_mb_after:.0f} MB"
            print(text.format(**row), file=sys.stderr)
    finally:
        is_over.set()
        changing.join()
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    report["versions_of_the_small_list"] = versions[0]
    return report


def robustness(is_dev):
    vectors = os.environ.get("STREAMWARD_CONFORMANCE", ROOT.parent / "shared" / "conformance")
    profile = [] if is_dev else ["--release"]
    command = ["cargo", "run", "--quiet", *profile, "-p", "streamward-known", "--example", "robustness", "--", Path(vectors) / "pdq"]
    table = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    (ROOT / "docs" / "robustness.md").write_text(table)
    print(table, file=sys.stderr)


if __name__ == "__main__":
    main()
