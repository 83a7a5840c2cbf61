"""Brings the store of a running service to a newer version, by starting a newer service beside it.

casework_upgrade.py PROGRAM_BEFORE PROGRAM_NOW
"""
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "demo.d"))
sys.path.insert(0, str(Path(__file__).parent))
from casework import Browser, serve  # noqa: E402
from casework_load import free_port, incident  # noqa: E402
from casework_size import Caller, found, server, sql, with_holders  # noqa: E402

N_CASES = 20_000


def main(before: str, now: str) -> int:
    if not (database := server()):
        return 0
    running: list = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            return story(before, now, *database, Path(folder), running)
        finally:
            for process in running:
                process.terminate()
                process.wait()


def story(before: str, now: str, url: str, postgres: Path, folder: Path, running: list) -> int:
    data = folder / "data"
    data.mkdir()
    with_holders(folder, data)
    at = ["--data", str(data), "--database", url]

    def run(program, *words, code=0) -> str:
        done = subprocess.run([program, *map(str, words), *at], capture_output=True, text=True)
        if done.returncode != code:
            sys.exit(f"streamward {' '.join(map(str, words))} gave {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout.strip() + done.stderr.strip()

    def version() -> int:
        return int(sql(postgres, "SELECT max(version) FROM schema_version"))

    def service(program, log) -> str:
        return serve([program, "serve", "--listen", f"127.0.0.1:{free_port()}", *at], folder / log, running)

    (data / "seed.jsonl").write_text("".join(incident(f"seed {number}") + "\n" for number in range(N_CASES)))
    run(before, "refer", data / "seed.jsonl")
    for name, role in (("ada", "lead"), ("bo", "lead"), ("load", "service")):
        run(before, "person", "add", name, "--role", role, *(["--reads", "video"] if role == "lead" else ["--role", "auditor"]))
    run(before, "vault", "init", "--code", run(before, "person", "code", "ada"))
    run(before, "vault", "allow", "--code", run(before, "person", "code", "bo"))
    token = run(before, "person", "token", "load")
    subprocess.run([before, "testcard", "--size", "640x360", "--out", folder / "card.png"], check=True, capture_output=True)

    old = service(before, "old.txt")
    ada_before = Browser(old, run(before, "person", "code", "ada"))
    codes = {name: run(before, "person", "code", name) for name in ("ada", "bo")}
    was = version()
    waits: list = []
    is_ended = threading.Event()
    sending = threading.Thread(target=send, args=(old, token, is_ended, waits))
    sending.start()
    time.sleep(2)
    began = time.monotonic()
    new = service(now, "new.txt")
    print(f"store of version {was} with {N_CASES} cases; a newer service ready after {time.monotonic() - began:.2f} s, version {version()}")
    if version() == was:
        sys.exit("both programs have stores of one version: this shows nothing")

    # Each goes on with what the other began.
    time.sleep(3)
    caller_old, caller_new = Caller(old, token), Caller(new, token)
    for number in range(50):
        first, second = (caller_old, caller_new) if number % 2 else (caller_new, caller_old)
        cases = {json.loads(caller.ask("/api/v1/incidents", incident(f"both {number}")))["case"] for caller in (first, second)}
        if len(cases) != 1:
            sys.exit(f"one incident became two cases: {cases}")
    bo_now = Browser(new, codes["bo"])
    (folder / "kept.jsonl").write_text(incident("kept") + "\n")
    kept = json.loads(run(now, "refer", folder / "kept.jsonl", "--evidence", folder / "card.png", "--keep-evidence", "--json"))["case"]
    ada_before.post(f"/cases/{kept}/take")
    ada_before.post(f"/cases/{kept}/decide", verdict="violation", reason="The safety test card.", policy_version="1")
    if "The safety test card." not in bo_now.get(f"/cases/{kept}"):
        sys.exit("what was decided before the older service is not seen before the newer one")
    if kept not in ada_before.get(f"/cases/{kept}"):
        sys.exit("the older service does not show a case that the newer program took in")
    is_ended.set()
    sending.join()
    print(f"the older service took in {len(waits)} incidents meanwhile, longest wait {max(waits):.0f} ms")

    refused = run(before, "case", "checkpoint", code=2)
    print(f"the older program, asked to open it anew: {refused.splitlines()[0]}")
    running.pop(0).terminate()
    n_records = int(run(now, "case", "checkpoint").splitlines()[1])
    while int(sql(postgres, "SELECT n_records FROM indexed")) < n_records:
        time.sleep(0.2)
    reader = Browser(new, codes["ada"])
    for call in ("seed 7", "both 49", f"meanwhile {len(waits) - 1}"):
        found(reader, call)
    caller_new.ask(f"/api/v1/log/proof?position={n_records - 1}")
    verified = run(now, "case", "verify")
    print(verified.splitlines()[0])
    n_expected = N_CASES + len(waits) + 50 + 1
    return 0 if "nothing was altered" in verified and f"{n_expected} cases" in verified else 1


def send(address: str, token: str, is_ended: threading.Event, waits: list) -> None:
    """Fifty incidents a second, each a new case."""
    caller = Caller(address, token)
    while not is_ended.wait(0.02):
        began = time.monotonic()
        caller.ask("/api/v1/incidents", incident(f"meanwhile {len(waits)}"))
        waits.append((time.monotonic() - began) * 1000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
