"""Sends incidents at a steady pace to a service with many cases, kills it, and compares receipts with the store.

casework_load.py PROGRAM N_CASES SECONDS
"""
import http.client
import json
import os
import queue
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "demo.d"))
from casework import Browser, serve  # noqa: E402

A_SECOND, N_KILLS, N_CONNECTIONS = 200, 20, 16
LIMIT_MS_P99, LIMIT_QUEUE_MS = 50, 100


def main(program: str, n_cases: int, seconds: int) -> int:
    is_right = True
    for store in os.environ.get("STORES", "SQLite PostgreSQL").split():
        url = os.environ.get("STREAMWARD_TEST_POSTGRES")
        if store == "PostgreSQL" and not url:
            print("not run: there is no PostgreSQL")
            continue
        with tempfile.TemporaryDirectory() as folder:
            is_right &= measure(program, store, Path(folder), ["--database", url] if store == "PostgreSQL" else [], n_cases, seconds)
    return 0 if is_right else 1


def measure(program: str, store: str, data: Path, database: list, n_cases: int, seconds: int) -> bool:
    def run(*words) -> str:
        return subprocess.run([program, *words, "--data", data, *database], check=True, capture_output=True, text=True).stdout

    began = time.monotonic()
    for first in range(0, n_cases, 100_000):
        lines = "".join(incident(f"seed {number}") + "\n" for number in range(first, min(n_cases, first + 100_000)))
        (data / "seed.jsonl").write_text(lines)
        run("refer", data / "seed.jsonl")
    (data / "seed.jsonl").unlink(missing_ok=True)
    print(f"{store}: {n_cases} cases taken in, in {time.monotonic() - began:.0f} s", flush=True)
    run("person", "add", "load", "--role", "service")
    run("person", "add", "ada", "--role", "reviewer", "--reads", "video")
    token = run("person", "token", "load").strip()
    running = []
    command = [program, "serve", "--listen", f"127.0.0.1:{free_port()}", "--data", data, *database]
    try:
        address = serve(command, data / "log.txt", running)
        code = run("person", "code", "ada").strip()
        ada = Browser(address, code)
        acknowledged, latencies = send(address, token, seconds * A_SECOND, A_SECOND, "steady")
        pages = []
        for _ in range(20):
            at = time.monotonic()
            ada.get("/")
            pages.append((time.monotonic() - at) * 1000)
        n_sent = len(latencies)
        p99 = statistics.quantiles(latencies, n=100)[98] if n_sent > 100 else float("inf")
        n_lost_calls = seconds * A_SECOND - len(acknowledged)
        n_killed = 0
        for number in range(N_KILLS):
            sender_done = threading.Event()
            got = {}

            def sending():
                got["acknowledged"], _ = send(address, token, A_SECOND * 2, A_SECOND, f"kill {number}")
                sender_done.set()

            threading.Thread(target=sending).start()
            time.sleep(random.uniform(0.1, 1.5))
            running[-1].send_signal(signal.SIGKILL)
            running.pop().wait()
            n_killed += 1
            sender_done.wait()
            acknowledged.update(got["acknowledged"])
            serve(command, data / "log.txt", running)
        missing = [channel for channel, case in acknowledged.items() if not is_there(program, data, database, channel, case)] \
            if len(acknowledged) < 500 else missing_in_bulk(address, token, acknowledged)
        print(f"  {seconds} s at {A_SECOND} a second: {n_sent} answered, {n_lost_calls} not, median {statistics.median(latencies):.1f} ms, p99 {p99:.1f} ms (limit {LIMIT_MS_P99})")
        print(f"  queue page: median {statistics.median(pages):.1f} ms, slowest {max(pages):.1f} ms (limit {LIMIT_QUEUE_MS})")
        print(f"  killed {n_killed} times: {len(acknowledged)} acknowledged, {len(missing)} of them missing")
    finally:
        for process in running:
            process.terminate()
            process.wait()
    print(" ", run("case", "verify").strip())
    return p99 < LIMIT_MS_P99 and statistics.median(pages) < LIMIT_QUEUE_MS and not missing and n_lost_calls == 0


def missing_in_bulk(address: str, token: str, acknowledged: dict) -> list:
    """Refers everything again: what is there is known, under the case that was acknowledged."""
    missing = []
    connection = http.client.HTTPConnection(address, timeout=60)
    for channel, case in acknowledged.items():
        answer = post(connection, token, channel)
        if not answer or not answer["is_known"] or answer["case"] != case:
            missing.append(channel)
    return missing


def is_there(program: str, data: Path, database: list, channel: str, case: str) -> bool:
    shown = subprocess.run([program, "case", "show", case, "--json", "--data", data, *database], capture_output=True, text=True)
    return channel in shown.stdout


def send(address: str, token: str, n: int, a_second: int, name: str):
    """Sends at a pace of its own, however slow the answers are; returns what was acknowledged, and each wait."""
    due: queue.Queue = queue.Queue()
    acknowledged, latencies, lock = {}, [], threading.Lock()

    def worker():
        connection = http.client.HTTPConnection(address, timeout=30)
        while (item := due.get()) is not None:
            channel, at = item
            try:
                answer = post(connection, token, channel)
            except (OSError, http.client.HTTPException, ValueError):
                connection = http.client.HTTPConnection(address, timeout=30)
                answer = None
            if answer:
                with lock:
                    acknowledged[channel] = answer["case"]
                    # From when it was due: a queue before the service counts as its slowness.
                    latencies.append((time.monotonic() - at) * 1000)

    workers = [threading.Thread(target=worker) for _ in range(N_CONNECTIONS)]
    for thread in workers:
        thread.start()
    began = time.monotonic()
    for number in range(n):
        at = began + number / a_second
        time.sleep(max(0, at - time.monotonic()))
        due.put((f"{name} {number}", at))
    for _ in workers:
        due.put(None)
    for thread in workers:
        thread.join()
    return acknowledged, latencies


def post(connection, token: str, channel: str):
    connection.request("POST", "/api/v1/incidents", incident(channel), {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    if connection.sock:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    response = connection.getresponse()
    body = response.read()
    return json.loads(body) if response.status in (200, 201) else None


def incident(channel: str) -> str:
    return json.dumps({
        "source": "guard", "seen": {"known": {"list": "partner", "entry": "17", "distance_bits": 4}},
        "platform": "example call service", "channel": channel, "began_at": "2026-11-24T09:30:00Z",
        "ended_at": "2026-11-24T09:31:00Z", "account": f"account of {channel}",
    })


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
