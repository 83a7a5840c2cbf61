"""Fills a store on PostgreSQL with cases, asks what people ask, and restores a backup of it.

casework_size.py PROGRAM N_CASES
"""
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "demo.d"))
sys.path.insert(0, str(Path(__file__).parent))
from casework import Browser, serve  # noqa: E402
from casework_load import free_port, incident  # noqa: E402

LIMITS_MS = {"queue page": 100, "proof of a record": 20, "a case found by its call": 100}
N_ASKED = 300
REPLICA_PORT = free_port()
SETTINGS = """
[[jurisdiction]]
country = "ZZ"
media_basis = { value = "a test with the safety test card", source = "this script", checked_on = "2026-11-22", is_verified = false }
[vault]
country = "ZZ"
appeal_days = 30
backup_days = 90
holders = [%s]
"""


def main(program: str, n_cases: int) -> int:
    if not (database := server()):
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return story(program, n_cases, *database, Path(folder))


def server() -> tuple | None:
    """The address of the PostgreSQL of script/with-postgres, and its folder."""
    url = os.environ.get("STREAMWARD_TEST_POSTGRES")
    if not url:
        print("not run: there is no PostgreSQL")
        return None
    parts = urllib.parse.urlsplit(url)
    os.environ["PGPORT"] = str(parts.port)
    return url, Path(urllib.parse.parse_qs(parts.query)["host"][0])


def story(program: str, n_cases: int, url: str, postgres: Path, folder: Path) -> int:
    data, restored = folder / "data", folder / "restored"
    data.mkdir()
    holders = with_holders(folder, data)

    def run(*words, at=data, database=url) -> str:
        done = subprocess.run([program, *map(str, words), "--data", at, "--database", database], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"streamward {' '.join(map(str, words))} gave {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    began = time.monotonic()
    fill(run, folder, n_cases)
    seconds = time.monotonic() - began
    size = sql(postgres, "SELECT pg_database_size('postgres')")
    print(f"{n_cases} cases taken in, in {seconds:.0f} s, {n_cases / seconds:.0f} a second; {int(size) / 1e9:.2f} GB", flush=True)

    for name, role in (("ada", "lead"), ("bo", "lead"), ("load", "service")):
        run("person", "add", name, "--role", role, *(["--reads", "video"] if role == "lead" else ["--role", "auditor"]))
    run("vault", "init", "--code", run("person", "code", "ada"))
    run("vault", "allow", "--code", run("person", "code", "bo"))
    subprocess.run([program, "testcard", "--size", "640x360", "--out", folder / "card.png"], check=True, capture_output=True)
    (folder / "kept.jsonl").write_text(incident("kept") + "\n")
    kept = json.loads(run("refer", folder / "kept.jsonl", "--evidence", folder / "card.png", "--keep-evidence", "--json"))["case"]

    is_right = ask(program, run, data, url, folder, kept, n_cases, postgres)
    copy = copied(postgres)
    try:
        replica = url.replace(f":{os.environ['PGPORT']}/", f":{REPLICA_PORT}/")
        timed("the forms of a year, from a replica", lambda: run("case", "forms", "--from", "2026-01-01", "--to", "2026-12-31", "--out", folder / "forms", database=replica))
        wait_for(postgres, copy)
        # The machine is lost: the copy of the database and the backup of the folder, without the months' keys, are left.
        shutil.copytree(data, restored, ignore=lambda at, names: ["months"] if Path(at).name == "vault" else [])
        checkpoint = run("case", "checkpoint")
        n_there = sql(postgres, "SELECT count(*) FROM cases")
        control(postgres, postgres / "data", "stop", "-m", "immediate")
        control(postgres, copy, "promote")
        run("vault", "recover", *(word for _, _, key in holders[:2] for word in ("--key", key)), at=restored, database=replica)
        print(f"  the vault: {run('vault', 'status', '--check', at=restored, database=replica).splitlines()[0]}")
        (folder / "checkpoint.txt").write_text(checkpoint + "\n")
        verified = timed("the restored store verified, from a checkpoint kept elsewhere", lambda: run("case", "verify", "--since", folder / "checkpoint.txt", at=restored, database=replica))
        print(f"  {verified}")
        is_right &= "nothing was altered" in verified and f"{n_there} cases" in verified
        migrate(run, postgres, restored, replica)
    finally:
        control(postgres, copy, "stop", "-m", "immediate")
    return 0 if is_right else 1


def ask(program: str, run, data: Path, url: str, folder: Path, kept: str, n_cases: int, postgres: Path) -> bool:
    """What people and programs ask, while incidents come in."""
    token = run("person", "token", "load")
    running: list = []
    try:
        address = serve([program, "serve", "--listen", f"127.0.0.1:{free_port()}", "--data", data, "--database", url], folder / "log.txt", running)
        ada = Browser(address, run("person", "code", "ada"))
        caller = Caller(address, token)
        n_records = int(run("case", "checkpoint").splitlines()[1])
        timed("the first proof, which reckons all subtrees", lambda: caller.ask(f"/api/v1/log/proof?position={n_records // 3}"))
        timed("what cases are found by, beside that", lambda: wait_until_indexed(postgres, n_records))
        is_ended = threading.Event()
        coming = threading.Thread(target=send_steadily, args=(address, token, is_ended))
        coming.start()
        waits = {
            "queue page": [wait(lambda: ada.get("/")) for _ in range(N_ASKED)],
            "proof of a record": [wait(lambda: caller.ask(f"/api/v1/log/proof?position={random.randrange(n_records)}")) for _ in range(N_ASKED)],
            "a case found by its call": [wait(lambda: found(ada, f"seed {random.randrange(n_cases)}")) for _ in range(N_ASKED)],
            "page of a case": [wait(lambda: ada.get(f"/cases/{kept}")) for _ in range(N_ASKED)],
        }
        is_ended.set()
        coming.join()
    finally:
        for process in running:
            process.terminate()
            process.wait()
    is_right = True
    for what, ms in waits.items():
        p99, limit = statistics.quantiles(ms, n=100)[98], LIMITS_MS.get(what)
        print(f"  {what}: median {statistics.median(ms):.1f} ms, p99 {p99:.1f} ms" + (f" (limit {limit})" if limit else ""), flush=True)
        is_right &= limit is None or p99 < limit
    timed("what can be swept", lambda: run("vault", "sweep"))
    return is_right


def wait_until_indexed(postgres: Path, n_records: int) -> None:
    while int(sql(postgres, "SELECT n_records FROM indexed")) < n_records:
        time.sleep(0.2)


def found(reader: Browser, call: str) -> None:
    response = reader.ask("POST", "/find", urllib.parse.urlencode({"text": call}))
    text = response.read().decode()
    if response.status != 200 or text.count("data-row") != 1:
        sys.exit(f"{call} was not found once\n{text}")


def fill(run, folder: Path, n_cases: int) -> None:
    for first in range(0, n_cases, 100_000):
        lines = "".join(incident(f"seed {number}") + "\n" for number in range(first, min(n_cases, first + 100_000)))
        (folder / "seed.jsonl").write_text(lines)
        run("refer", folder / "seed.jsonl")
        if first % 1_000_000 == 0:
            print(f"  {first} of {n_cases}", flush=True)


def send_steadily(address: str, token: str, is_ended: threading.Event) -> None:
    """Twenty incidents a second, each a new case."""
    caller, number = Caller(address, token), 0
    while not is_ended.wait(0.05):
        caller.ask("/api/v1/incidents", incident(f"new {number}"))
        number += 1


class Caller:
    """A program with a token."""

    def __init__(self, address: str, token: str):
        self.connection = http.client.HTTPConnection(address, timeout=3600)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, path: str, body=None) -> str:
        self.connection.request("POST" if body else "GET", path, body, self.headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        if response.status not in (200, 201):
            sys.exit(f"{path} gave {response.status}\n{text}")
        return text


def migrate(run, postgres: Path, data: Path, url: str) -> None:
    """As a store that an older version wrote: what the last version added is taken away, and opened again."""
    for table in ("terms", "indexed"):
        sql(postgres, f"DROP TABLE {table}", port=REPLICA_PORT)
    sql(postgres, "DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)", port=REPLICA_PORT)
    timed("the older store opened, and so brought to this version", lambda: run("case", "checkpoint", at=data, database=url))


def with_holders(folder: Path, data: Path) -> list:
    """Writes settings of a vault with three holders of its key."""
    holders = [holder(folder, name) for name in ("Hana", "Ivo", "Jun")]
    (data / "settings.toml").write_text(SETTINGS % ", ".join(f'{{ name = "{n}", recipient = "{r}" }}' for n, r, _ in holders))
    return holders


def holder(folder: Path, name: str) -> tuple:
    key = folder / f"{name}.txt"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
    return name, recipient, key


def copied(postgres: Path) -> Path:
    """A base backup of the running database, started as its replica."""
    copy = postgres / "copy"
    timed("a backup of the running database", lambda: as_postgres(
        "pg_basebackup", "-D", copy, "-R", "-X", "stream", "-c", "fast", "-h", postgres, "-p", os.environ["PGPORT"], "-U", "streamward"))
    control(postgres, copy, "start", "-l", postgres / "copy.log", "-o",
            f"-c listen_addresses='' -c unix_socket_directories='{postgres}' -c port={REPLICA_PORT} -c max_connections=200")
    return copy


def wait_for(postgres: Path, copy: Path) -> None:
    at = sql(postgres, "SELECT pg_current_wal_lsn()")
    for _ in range(600):
        if sql(postgres, f"SELECT pg_last_wal_replay_lsn() >= '{at}'", port=REPLICA_PORT) == "t":
            return
        time.sleep(0.1)
    sys.exit("the replica does not follow")


def control(postgres: Path, data: Path, *words) -> None:
    as_postgres("pg_ctl", "-D", data, "-w", *words)


def sql(postgres: Path, statement: str, port=None) -> str:
    return as_postgres("psql", "-h", postgres, "-p", port or os.environ["PGPORT"], "-U", "streamward", "-d", "postgres", "-Atc", statement)


def as_postgres(name: str, *words) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1]
    command = [str(found), *map(str, words)]
    if os.getuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env", *command]
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{name} gave {done.returncode}\n{done.stdout}")
    return done.stdout.strip()


def timed(what: str, do):
    began = time.monotonic()
    said = do()
    print(f"  {what}: {time.monotonic() - began:.1f} s", flush=True)
    return said


def wait(do) -> float:
    began = time.monotonic()
    do()
    return (time.monotonic() - began) * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
