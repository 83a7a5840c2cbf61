#!/usr/bin/env python3
"""Does what the guard covered become a report that an authority has, with two people standing for it?

Takes the guard's own report, and does over HTTP what two people at two browsers would do: one takes the case and
decides, one reads the report and approves it. The authority is a fake CyberTipline, which checks every document against
the authority's real schema and files nothing anywhere. At the end another process checks the bundle, an altered copy of
the store, and that the service's finest log names nobody.

casework.py PROGRAM FOLDER SCHEMA [--stay]
"""
import http.client
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

PLATFORM, CHANNEL, ACCOUNT = "example call service", "call-4711", "account-0815"
BEGAN_AT = "2026-11-24T09:30:00Z"
ADA, BO = "Ada Reviewer", "Bo Officer"


def main(program: Path, out: Path, schema: Path, is_staying: bool) -> int:
    data = out / "casework"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    running = []
    try:
        return story(program, out, data, schema, is_staying, running)
    finally:
        for process in running:
            process.terminate()
            process.wait()


def story(program: Path, out: Path, data: Path, schema: Path, is_staying: bool, running: list) -> int:
    def run(*words, code=0) -> str:
        done = subprocess.run([program, *words], capture_output=True, text=True)
        if done.returncode != code:
            sys.exit(f"streamward {' '.join(map(str, words))} gave {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    authority = serve([program, "fake", "cybertip", "--listen", "127.0.0.1:0", "--schema", schema], out / "authority.txt", running)
    (data / "login").write_text("test:test\n")
    (data / "settings.toml").write_text(
        f'[reporter]\nfirst_name = "Ada"\nlast_name = "Reviewer"\nemail = "ada@example.org"\n\n'
        f'[cybertipline]\nserver = "http://{authority}"\nlogin_file = "login"\nschema_file = "{schema.resolve()}"\n\n'
        f'[[jurisdiction]]\ncountry = "US"\n'
        f'retention_days = {{ value = 365, source = "18 U.S.C. 2258A(h)", checked_on = "2026-11-22", is_verified = true }}\n'
    )

    refer = ["refer", out / "report.json", "--data", data, "--platform", PLATFORM, "--channel", CHANNEL, "--account", ACCOUNT,
             "--began-at", BEGAN_AT, "--evidence", out / "card.png", "--send-evidence", "--json"]
    referred = [json.loads(line) for line in run(*refer).splitlines()]
    again = [json.loads(line) for line in run(*refer).splitlines()]
    cases = {line["case"] for line in referred}
    case = referred[0]["case"]
    is_once = len(cases) == 1 and all(line["is_known"] for line in again)

    for name, role in ((ADA, "lead"), (BO, "reporting-officer")):
        run("person", "add", name, "--role", role, "--reads", "video", "--data", data)
    log = out / "service-log.txt"
    address = serve([program, "serve", "--listen", "127.0.0.1:0", "--data", data, "--log", "trace"], log, running)
    codes = {name: run("person", "code", name, "--data", data).strip() for name in (ADA, BO)}
    ada, bo = (Browser(address, codes[name]) for name in (ADA, BO))

    at = f"/cases/{case}"
    ada.post(f"{at}/take")
    ada.post(f"{at}/decide", verdict="violation", reason="The safety test card, near its entry in the list.", policy_version="1")
    ada.post(f"{at}/reports", incident="material", escalation="", remark="A demonstration with the safety test card.", prior="")
    own = ada.post(f"{at}/reports/1/approve", expect=409)
    bo.post(f"{at}/reports/1/approve")
    receipt = None
    for _ in range(300):
        found = re.search(r"Filed\. The authority&#39;s number is (\d+)", bo.get(f"{at}/reports/1"))
        if found:
            receipt = found[1]
            break
        time.sleep(0.1)

    ada.post(f"{at}/exports", reason="a demonstration")
    bo.post(f"{at}/exports/1/allow")
    bundle = out / "case.zip"
    bundle.write_bytes(bo.get_bytes(f"{at}/exports/1/bundle"))
    checked = run("case", "verify", bundle, "--key", data / "log.pub").strip()
    stored = run("case", "verify", "--data", data).strip()

    there = json.loads(Browser(authority, None).get("/-/reports"))["reports"]
    finished = [report for report in there if report["is_finished"]]

    altered = out / "altered"
    shutil.rmtree(altered, ignore_errors=True)
    altered.mkdir()
    for name in ("log.key", "log.pub"):
        shutil.copy(data / name, altered / name)
    with sqlite3.connect(data / "streamward.db") as source, sqlite3.connect(altered / "streamward.db") as target:
        source.backup(target)
        target.execute("UPDATE log SET body = replace(body, 'violation', 'Violation') WHERE body LIKE '%violation%'")
    found = run("case", "verify", "--data", altered, code=4)

    text = log.read_text(errors="replace")
    card = re.findall(r'"sha256":\s*"([0-9a-f]{64})"', run("case", "show", case, "--json", "--data", data))
    secrets = [ADA, BO, "Ada", ACCOUNT, CHANNEL, PLATFORM, "card.png", "test:test", *codes.values(), *card, ada.cookie, bo.cookie]
    named = [secret for secret in secrets if secret and secret.split("=")[-1] in text]

    rows = [
        ("incidents the guard told of", len(referred)),
        ("cases from them, referred twice", len(cases)),
        ("who decided may not approve", "held" if own == 409 else "NOT HELD"),
        ("reports the authority has", len(finished)),
        ("files with it", len(finished[0]["files"]) if finished else 0),
        ("receipt", receipt or "NONE"),
        ("one changed word in a copy", "found" if "was altered" in found else "NOT FOUND"),
        ("lines of the finest log", len(text.splitlines())),
        ("names, accounts, digests, tokens in it", len(named)),
    ]
    for name, value in rows:
        print(f"  {name:<40}{value:>14}")
    print(f"  {checked}\n  {stored}")
    is_right = is_once and own == 409 and len(finished) == 1 and receipt == str(finished[0]["report_id"]) \
        and len(finished[0]["files"]) == 1 and all(file["is_described"] for file in finished[0]["files"]) \
        and not named and len(text.splitlines()) > 20
    print("  the report is filed, once" if is_right else f"  THE REPORT IS NOT AS IT SHOULD BE {named}")
    if is_staying and is_right:
        for name in (ADA, BO):
            print(f"  {name} can look: http://{address}/sign-in with code {run('person', 'code', name, '--data', data).strip()}")
        print("  until Ctrl-C", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass
    return 0 if is_right else 1


def serve(command: list, log: Path, running: list) -> str:
    """Starts a server and gives the address that it names."""
    running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log.open("w")))
    for _ in range(300):
        found = re.search(r"on http://([0-9.:]+)", log.read_text())
        if found:
            return found[1]
        if running[-1].poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"{' '.join(map(str, command))} did not start:\n{log.read_text()}")


class Browser:
    """As much of a browser as the story needs: a session, and forms sent from the site's own pages."""

    def __init__(self, address: str, code):
        self.address, self.cookie = address, None
        if code:
            response = self.ask("POST", "/sign-in", urllib.parse.urlencode({"code": code}))
            self.cookie = response.getheader("Set-Cookie").split(";")[0]

    def ask(self, method: str, path: str, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        headers = {"Origin": f"http://{self.address}", "Content-Type": "application/x-www-form-urlencoded"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def get(self, path: str) -> str:
        return self.get_bytes(path).decode()

    def get_bytes(self, path: str) -> bytes:
        response = self.ask("GET", path)
        body = response.read()
        if response.status != 200:
            sys.exit(f"GET {path} gave {response.status}\n{body.decode(errors='replace')}")
        return body

    def post(self, path: str, expect=303, **fields) -> int:
        response = self.ask("POST", path, urllib.parse.urlencode(fields))
        body = response.read().decode(errors="replace")
        if response.status != expect:
            sys.exit(f"POST {path} gave {response.status}, not {expect}\n{body}")
        return response.status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), "--stay" in sys.argv[4:]))
