#!/usr/bin/env python3
"""What does it cost to reckon payments on many machines, beside one thread of the same program?

Processor seconds (user + system) of all processes together: client, scheduler, executors. Every run must give the same
bytes. One thread, DataFusion in one process, Ballista with one executor and with two, each with one task at a time, on
rows like those of `script/bench payments`; with --ways two executors by other settings too. The release build of cluster/batch,
which takes half an hour to build on two cores.

usage: script/bench.d/batch.py [--rows N] [--ways]
10,000,000 rows when not given. --ways: the settings that were tried for less. A table on stderr, one JSON object on stdout.
"""
import argparse
import ctypes.util
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUILD = TARGET / "cluster-batch"
PROGRAM = BUILD / "release" / "streamward-batch"
LIMIT = 1.5
TICKS = os.sysconf("SC_CLK_TCK")
# What was tried for less: settings of the client, and of all processes.
WAYS = {
    "rows on their way compressed": (["--set", "ballista.shuffle.compression.codec=lz4"], {}),
    "as many pieces as cores": (["--pieces", "2"], {}),
    "half as many pieces": (["--pieces", "8"], {}),
    "twice as many pieces": (["--pieces", "32"], {}),
    "batches of 8,192 rows": (["--set", "datafusion.execution.batch_size=8192"], {}),
    "mimalloc": ([], "mimalloc"),
    "jemalloc": ([], "jemalloc"),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--ways", action="store_true")
    arguments = arguments.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "streamward-batch"], cwd=ROOT / "cluster" / "batch", check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": str(BUILD)})
    report = {"rows": arguments.rows}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = prepared(folder, arguments.rows)
        for command in (["score", rows, "--json"], ["features", rows, "--digest"]):
            say(f"{command[0]}, {arguments.rows:,} rows")
            plain = client([*command, "--plain"])
            entry = report[command[0]] = {"one thread": tell("one thread", plain, plain)}
            entry["DataFusion"] = tell("DataFusion, one process", client([*command, "--pieces", "16"]), plain)
            for n in (1, 2):
                entry[f"Ballista, executors: {n}"] = tell(f"Ballista, executors: {n}", cluster(folder, n, [*command, "--pieces", "16"]), plain)
            for name, (words, library) in WAYS.items() if arguments.ways else []:
                more = {"LD_PRELOAD": ctypes.util.find_library(library)} if library else {}
                if library and not more["LD_PRELOAD"]:
                    say(f"  {name}: left out, there is no lib{library} here")
                    continue
                words = words if "--pieces" in words else [*words, "--pieces", "16"]
                entry[name] = tell(f"  two, {name}", cluster(folder, 2, [*command, *words], more), plain)
    for name in ("score", "features"):
        times = report[name]["Ballista, executors: 2"]["times"]
        say(f"{name}: two executors take {times:.2f} times the processor of one thread (aim {LIMIT}: {'met' if times <= LIMIT else 'MISSED'})")
    print(json.dumps(report, indent=1))


def prepared(folder, n):
    """Remittances made up by chance; senders are busy by a power law and pay a few beneficiaries each."""
    file, rows, rates, key = (folder / name for name in ("transfers.csv", "rows", "rates.csv", "key"))
    rates.write_text("GBP,1990-01-01,1.2\n")
    key.write_text("a secret of a bench, of nobody\n")
    chance = random.Random(7)
    n_senders, n_beneficiaries = max(n // 20, 50), max(n // 12, 80)
    amounts = ["15.00", "20.00", "25.00", "50.00", "100.00", "230.17", "412.80", "61.35"]
    countries = ["PH", "IN", "NG", "MX", "RO", "KE", "VN", "CO"]
    step = 365 * 86400 / n
    with file.open("w") as out:
        out.write("id,time,sender,beneficiary,amount,currency,from,to,relation\n")
        for place in range(n):
            sender = int(chance.paretovariate(1.3) * n_senders / 20) % n_senders
            beneficiary = (sender * 7919 + chance.randrange(6) * 104729) % n_beneficiaries
            # One in forty is a sender too.
            party = f"s{beneficiary % n_senders}" if beneficiary % 40 == 0 else f"b{beneficiary}"
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1735689600 + int(place * step)))
            relation = "undeclared" if chance.random() < 0.3 else "declared"
            out.write(f"T{place:08},{at},s{sender},{party},{amounts[chance.randrange(8)]},GBP,GB,{countries[beneficiary % 8]},{relation}\n")
    subprocess.run([PROGRAM, "prepare", file, "--rates", rates, "--key", key, "--out", rows], check=True, stderr=subprocess.PIPE)
    file.unlink()
    return str(rows)


def client(words, more=None):
    """Runs the program; its output's digest and its processor seconds. 0 and 1 are both good ends."""
    began = time.monotonic()
    process = subprocess.Popen([str(PROGRAM), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(more or {})})
    digest = hashlib.sha256()
    while piece := process.stdout.read(1 << 20):
        digest.update(piece)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}\n{process.stderr.read().decode()}")
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "s": time.monotonic() - began, "sha256": digest.hexdigest()}


def cluster(folder, n, words, more=None):
    """The same by a scheduler and executors, whose processor seconds count from when they are ready."""
    processes = []
    with tempfile.TemporaryDirectory(dir=folder) as own:

        def start(*words):
            log = open(Path(own) / f"{len(processes)}.log", "w")
            processes.append(subprocess.Popen([str(PROGRAM), "--log", "info", *words], stdout=log, stderr=log, env={**os.environ, **(more or {})}))

        try:
            address = f"127.0.0.1:{free_port()}"
            start("scheduler", "--listen", address)
            wait_until(lambda: is_listening(address))
            for number in range(n):
                start("executor", "--scheduler", address, "--listen", f"127.0.0.1:{free_port()}", "--tasks", "1", "--work", f"{own}/work-{number}")
            for number in range(n):
                wait_until(lambda: "Starting poll work loop" in (Path(own) / f"{number + 1}.log").read_text())
            before = sum(map(used_s, processes))
            answer = client([*words, "--cluster", f"df://{address}"], more)
            answer["cpu_s"] += sum(map(used_s, processes)) - before
            return answer
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)
                process.wait()


def used_s(process):
    """proc_pid_stat(5): 14 utime, 15 stime, counted here from the third field."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def tell(who, run, plain):
    if run["sha256"] != plain["sha256"]:
        sys.exit(f"{who} gives something else than one thread")
    times = run["cpu_s"] / plain["cpu_s"]
    say(f"  {who:<42} {run['cpu_s']:8.2f} CPU-s  {run['s']:7.2f} s   x {times:.2f}")
    return {"cpu_s": round(run["cpu_s"], 2), "s": round(run["s"], 2), "times": round(times, 3), "sha256": run["sha256"]}


def wait_until(is_so):
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    sys.exit("a process of the cluster does not start")


def is_listening(address):
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
