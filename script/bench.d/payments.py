#!/usr/bin/env python3
"""Compares payments/ with DuckDB, Polars and DataFusion on the same rows in one run, and with IBM's graph features.

Rolling features of 90 days at each transfer: count, sum, median and beneficiaries by sender and corridor; senders and
countries by beneficiary. All sides must come to the same sums. CPU seconds; every side may use what threads it likes.
SQL counts later rows of the same second into a window, and we do not look ahead; the rows have a second each.
AMLSim fan-in (IBM, Apache-2.0, outside the project): LightGBM on our features against LightGBM on those of snapml,
with and without amounts; trained on the first 60 % of the steps, tested on the rest. snapml is given the transfers in
order, 128 at a time: given the whole file at once its features know what comes later, which is printed too.

usage: script/bench.d/payments.py [--rows N]… [--no-peers] [--no-amlsim] [--stream | --amlsim]
1,000,000 and 10,000,000 rows when none are given; about 8 minutes on two cores. Prints a table on stderr and one JSON object on stdout.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PEERS = TARGET / "bench-peers-payments"
PACKAGES = ["duckdb==2.0.1", "polars==2.1.0", "datafusion==55.0.0", "pyarrow", "numpy", "lightgbm==4.7.0", "scikit-learn",
            "snapml==1.17.2"]
WINDOW = "range between interval '90 days' preceding and current row"
BY_SENDER = f"(partition by sender, sctry, bctry order by ts {WINDOW})"
BY_BENEFICIARY = f"(partition by bene order by ts {WINDOW})"
QUERIES = [
    (f"select sum(n), sum(s) from (select count(*) over {BY_SENDER} n, sum(amt) over {BY_SENDER} s from t)", ["transfers", "worth"]),
    (f"select sum(m), sum(u) from (select floor(median(amt) over {BY_SENDER}) m, count(distinct bene) over {BY_SENDER} u from t)",
     ["median", "beneficiaries"]),
    (f"select sum(u), sum(c) from (select count(distinct sender) over {BY_BENEFICIARY} u, count(distinct sctry) over {BY_BENEFICIARY} c from t)",
     ["senders", "countries"]),
]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, action="append")
    arguments.add_argument("--no-peers", action="store_true")
    arguments.add_argument("--no-amlsim", action="store_true")
    arguments.add_argument("--stream", action="store_true", help="the stream alone")
    arguments.add_argument("--amlsim", action="store_true", help="AMLSim alone")
    arguments.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    arguments = arguments.parse_args()
    if Path(sys.prefix) != PEERS:
        enter_peers()
    if arguments.peer:
        print(json.dumps(PEER[arguments.peer[0]](arguments.peer[1])))
        return
    report = {}
    if arguments.amlsim:
        print(json.dumps({"amlsim": amlsim()}, indent=1))
        return
    if not arguments.stream:
        for n_rows in arguments.rows or [1_000_000, 10_000_000]:
            report[f"features_{n_rows}"] = features(n_rows, not arguments.no_peers)
        if not arguments.no_amlsim:
            report["amlsim"] = amlsim()
    report["stream"] = stream()
    print(json.dumps(report, indent=1))


def enter_peers():
    """Starts this program again with the peers installed."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "done").exists():
        venv.create(PEERS, with_pip=True)
        for package in PACKAGES:
            outcome = subprocess.run([python, "-m", "pip", "install", "--quiet", package], stdout=sys.stderr)
            if outcome.returncode != 0:
                print(f"left out: {package} cannot be installed here", file=sys.stderr)
        (PEERS / "done").touch()
    os.execv(python, [str(python), *sys.argv])


def rows_file(n_rows):
    """Remittances made up by chance, in order of time, each in a second of its own."""
    file = PEERS / f"transfers-{n_rows}.parquet"
    if file.exists():
        return file
    import numpy
    import pyarrow
    import pyarrow.parquet

    random = numpy.random.default_rng(7)
    n_senders, n_beneficiaries = n_rows // 20, n_rows // 12
    sender = (random.pareto(1.3, n_rows) * n_senders / 20).astype(numpy.int64) % n_senders
    bene = (sender * 7919 + random.integers(0, 6, n_rows) * 104729) % n_beneficiaries
    hot = random.random(n_rows) < 0.002
    bene[hot] = random.integers(0, 2000, hot.sum())
    sctry = numpy.array(["GB", "US", "AU", "CA", "AE", "SA", "SG", "DE"])[sender % 8]
    bctry = numpy.array(["PH", "IN", "NG", "MX", "RO", "KE", "VN", "CO", "TH", "BD"])[bene % 10]
    seconds = numpy.sort(random.choice(365 * 86400, n_rows, replace=False))
    ts = numpy.datetime64("2025-01-01", "us") + (seconds * 1_000_000).astype("timedelta64[us]")
    amt = numpy.round(numpy.exp(random.normal(4.6, 0.8, n_rows)) * 100).astype(numpy.int64).clip(1)
    table = pyarrow.table({
        "sender": sender, "bene": bene, "sctry": pyarrow.array(sctry).dictionary_encode(),
        "bctry": pyarrow.array(bctry).dictionary_encode(), "ts": pyarrow.array(ts), "amt": amt,
    })
    pyarrow.parquet.write_table(table, file, compression="zstd", row_group_size=1_000_000)
    return file


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def duckdb_side(file):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"create view t as select * from '{file}'")
    return sql_side(lambda query: connection.execute(query).fetchone())


def datafusion_side(file):
    import datafusion

    context = datafusion.SessionContext()
    context.register_parquet("t", file)

    def run(query):
        batches = context.sql(query).collect()
        return [column[0].as_py() for batch in batches if batch.num_rows for column in batch.columns]

    return sql_side(run)


def sql_side(run):
    sums, started = {}, cpu_s()
    for query, names in QUERIES:
        sums |= {name: str(int(value)) for name, value in zip(names, run(query))}
    return {"cpu_s": cpu_s() - started, "sums": sums}


def polars_side(file):
    import polars

    started = cpu_s()
    frame = polars.scan_parquet(file).with_columns(polars.col("sctry").cast(polars.String), polars.col("bctry").cast(polars.String))
    sender = frame.rolling("ts", period="90d", closed="both", group_by=["sender", "sctry", "bctry"]).agg(
        polars.len().alias("n"), polars.col("amt").sum().alias("s"), polars.col("amt").median().floor().alias("m"),
        polars.col("bene").n_unique().alias("u"),
    ).select(polars.col("n").sum(), polars.col("s").sum(), polars.col("m").sum(), polars.col("u").sum()).collect().row(0)
    beneficiary = frame.rolling("ts", period="90d", closed="both", group_by="bene").agg(
        polars.col("sender").n_unique().alias("u"), polars.col("sctry").n_unique().alias("c"),
    ).select(polars.col("u").sum(), polars.col("c").sum()).collect().row(0)
    names = ["transfers", "worth", "median", "beneficiaries", "senders", "countries"]
    sums = {name: str(int(value)) for name, value in zip(names, [*sender, *beneficiary])}
    return {"cpu_s": cpu_s() - started, "sums": sums}


PEER = {"DuckDB": duckdb_side, "Polars": polars_side, "DataFusion": datafusion_side}


def speed(*words, **more):
    """Our side: an example program of the crate."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "streamward-payments", "--example"]
    return subprocess.run([*command, "speed", "--", *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, **more)


def features(n_rows, with_peers):
    file = str(rows_file(n_rows))
    ours = min((json.loads(speed("parquet", file).stdout) for _ in range(3)),
               key=lambda run: run["read_s"] + run["features_s"])
    whole_s = ours["read_s"] + ours["features_s"]
    row = {"rows": n_rows, "ours": ours, "per_cpu_s": round(n_rows / ours["features_s"]),
           "per_cpu_s_with_parquet": round(n_rows / whole_s), "peers": {}}
    say(f"{n_rows:,} rows")
    say(f"  ours        {ours['features_s']:8.2f} CPU-s  {row['per_cpu_s'] / 1e6:6.2f} M/CPU-s all rolling features; "
        f"{row['per_cpu_s_with_parquet'] / 1e6:.2f} M with the reading of Parquet ({whole_s:.2f} CPU-s)")
    for name in PEER if with_peers else []:
        outcome = subprocess.run([sys.executable, __file__, "--peer", name, file], stdout=subprocess.PIPE, text=True)
        if outcome.returncode != 0:
            say(f"  {name}: left out, it ended with {outcome.returncode}")
            continue
        peer = json.loads(outcome.stdout)
        peer["same_sums"] = peer["sums"] == ours["sums"]
        peer["times_our_cpu"] = round(peer["cpu_s"] / whole_s, 1)
        row["peers"][name] = peer
        differing = [key for key in ours["sums"] if peer["sums"].get(key) != ours["sums"][key]]
        say(f"  {name:11} {peer['cpu_s']:8.2f} CPU-s  {n_rows / peer['cpu_s'] / 1e6:6.2f} M/CPU-s  x{peer['times_our_cpu']}  "
            f"{'equal sums' if peer['same_sums'] else 'OTHER SUMS: ' + ', '.join(differing)}")
    return row


def stream():
    """One by one, in order of time: read, scored with the full pack, answered, its log line written."""
    with tempfile.TemporaryDirectory() as folder:
        file, rates = Path(folder) / "transfers.jsonl", Path(folder) / "rates.csv"
        rates.write_text("GBP,1990-01-01,1.2\nUSD,1990-01-01,0.9\n")
        write_transfers(file)
        run = json.loads(speed("stream", file, rates).stdout)
    say("stream: {transfers:,} transfers, {per_cpu_s:,.0f} a CPU-second with the full pack, holds and log lines; each waits "
        "{median_us:.1f} µs (half), {p99_us:.1f} µs (99 in 100), {most_us:.0f} µs at most".format(**run))
    return run


def write_transfers(file):
    """Two months of made-up remitters, some of whom are busy and pay the same few beneficiaries."""
    import datetime
    import random

    chance = random.Random(7)
    start = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    with file.open("w") as out:
        for place in range(300_000):
            sender = int(chance.paretovariate(1.3) * 500) % 20_000
            beneficiary = (sender * 7919 + chance.randrange(6)) % 30_000 if chance.random() < 0.98 else chance.randrange(200)
            moment = start + datetime.timedelta(seconds=place * 17)
            row = {"id": f"T{place:07}", "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "sender": f"s{sender}",
                   "beneficiary": f"b{beneficiary}", "amount": f"{chance.choice([15, 20, 25, 50, 100, 230, 412])}.00",
                   "currency": chance.choice(["GBP", "USD"]), "from": "GB", "to": "PH", "channel": "online",
                   "relation": chance.choice(["undeclared", "declared", "verified"]), "sender_zone": "Europe/London"}
            out.write(json.dumps(row) + "\n")


def amlsim():
    """Average precision on the last 40 % of the steps, of transfers between two labelled accounts."""
    conformance = Path(os.environ.get("STREAMWARD_CONFORMANCE", ROOT / "../shared/conformance"))
    archive = conformance / "payments/amlsim/20K_fanin200.tgz"
    if not archive.exists():
        say(f"amlsim: left out, there is no {archive}")
        return None
    import lightgbm
    import numpy
    from sklearn.metrics import average_precision_score

    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        find = lambda name: next(Path(folder).rglob(name))
        transfers = numpy.genfromtxt(find("transactions.csv"), delimiter=",", names=True)
        nodes = numpy.genfromtxt(find("nodes.csv"), delimiter=",", names=True, dtype=None, encoding="utf-8")
        names = transfers.dtype.names
        source, target, value, step = (transfers[name] for name in names)
        order = numpy.argsort(step, kind="stable")
        source, target, value, step = (column[order] for column in (source, target, value, step))
        is_fraud = numpy.array([str(flag).strip().lower() in ("1", "true", "1.0") for flag in nodes["isFraud"]])
        labelled = set(nodes["nodeid"][is_fraud].astype(int))
        label = numpy.array([int(s) in labelled and int(t) in labelled for s, t in zip(source, target)]).astype(int)
        ours, names, ours_s = our_features(folder, source, target, value, step)
    train = step <= numpy.quantile(step, 0.6)
    tested = label[~train]

    def scores(columns):
        model = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=31, learning_rate=0.05, verbose=-1, random_state=1)
        model.fit(columns[train], label[train])
        return model.predict_proba(columns[~train])[:, 1]

    def precision(columns):
        return round(float(average_precision_score(tested, scores(columns))), 3)

    # What reads an amount: minor units, small and round sums, and how sums grow.
    of_amounts = ("minor", "small", "round", "value", "growth")
    blind = [place for place, name in enumerate(names) if not any(word in name for word in of_amounts)]
    with_amounts, without = numpy.c_[ours, value], ours[:, blind]
    report = {"transfers": len(step), "base_rate": round(float(tested.mean()), 4), "ours_cpu_s": ours_s, "ours": precision(with_amounts),
              "ours_without_amounts": precision(without), "amount_alone": precision(value[:, None])}
    try:
        started = cpu_s()
        theirs = graph_features(source, target, value, step, 128)
        report["snapml_cpu_s"] = cpu_s() - started
        # Every amount alike: what is left is structure and time.
        theirs_without = graph_features(source, target, numpy.ones_like(value), step, 128)
        report |= {"snapml": precision(theirs), "snapml_without_amounts": precision(theirs_without)}
        report["ours_less_snapml"] = difference(tested, scores(with_amounts), scores(theirs))
        report["ours_less_snapml_without_amounts"] = difference(tested, scores(without), scores(theirs_without))
        report["ours_with_snapml"] = precision(numpy.c_[with_amounts, theirs])
        at_once = graph_features(source, target, value, step, len(step))
        first = graph_features(source[train], target[train], value[train], step[train], int(train.sum()))
        depends = ~numpy.isclose(at_once[train], first, equal_nan=True).all(axis=1)
        report |= {"snapml_at_once": precision(at_once), "snapml_at_once_rows_that_know_later_ones": round(float(depends.mean()), 4)}
    except ImportError as absent:
        say(f"snapml: left out, {absent}")
    say("amlsim fan-in, average precision: " + json.dumps(report))
    return report


def difference(label, one, other):
    """Average precision of one less that of the other, with the middle 95 of 100 resamples of the tested transfers."""
    import numpy
    from sklearn.metrics import average_precision_score

    random = numpy.random.default_rng(7)
    drawn = (random.integers(0, len(label), len(label)) for _ in range(200))
    of = lambda rows: average_precision_score(label[rows], one[rows]) - average_precision_score(label[rows], other[rows])
    low, high = numpy.quantile([of(rows) for rows in drawn], [0.025, 0.975])
    return [round(float(x), 3) for x in (of(slice(None)), low, high)]


# Windows in days, as long as the graph features' own; there are 149 steps, so the first is everything before.
OUR_WINDOWS = [720, 10]


def our_features(folder, source, target, value, step):
    """Our program's features of the sender and of the beneficiary; and what they last were of the same two the other way
    round, the sender as a beneficiary and the beneficiary as a sender, as graph features have it. A step is a day,
    amounts are euro."""
    import csv
    import datetime

    import numpy

    day = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    file = Path(folder) / "amlsim.csv"
    with file.open("w") as out:
        out.write("id,time,sender,beneficiary,amount,currency,from,to,relation\n")
        for place, (s, t, v, at) in enumerate(zip(source, target, value, step)):
            moment = (day + datetime.timedelta(days=int(at))).strftime("%Y-%m-%dT12:00:00Z")
            out.write(f"{place:07},{moment},a{int(s)},a{int(t)},{max(v, 0.01):.2f},EUR,GB,PH,undeclared\n")
    tables, names, used_s = [], [], 0.0
    for days in OUR_WINDOWS:
        run = speed("features", file, days, stderr=subprocess.PIPE)
        used_s += float(run.stderr.split()[-1])
        rows = list(csv.reader(run.stdout.splitlines()))
        table = numpy.full((len(source), len(rows[0]) - 1), numpy.nan)
        for row in rows[1:]:
            table[int(row[0])] = [float(cell) if cell else numpy.nan for cell in row[1:]]
        own = [f"{name}-{days}" for name in rows[0][1:]]
        tables += [table, other_way_round(table, source, target)]
        names += own + [f"{name}-of-sender" for name in own] + [f"{name}-of-beneficiary" for name in own]
    return numpy.hstack(tables), names, used_s


def other_way_round(table, source, target):
    """At each transfer: what was last known where its sender was paid, then where its beneficiary paid; nothing later is
    read."""
    import numpy

    other = numpy.full((len(source), 2 * table.shape[1]), numpy.nan)
    as_sender, as_beneficiary = {}, {}
    for place, (s, t) in enumerate(zip(source, target)):
        if s in as_beneficiary:
            other[place, : table.shape[1]] = table[as_beneficiary[s]]
        if t in as_sender:
            other[place, table.shape[1] :] = table[as_sender[t]]
        as_sender[s], as_beneficiary[t] = place, place
    return other


def graph_features(source, target, value, step, n_at_a_time):
    """Those of snapml, given so many transfers at a time, in order; a transfer can know those given together with it."""
    import numpy
    from snapml import GraphFeaturePreprocessor

    maker = GraphFeaturePreprocessor()
    settings = maker.get_params()
    settings.update({"num_threads": 1, "time_window": 720, "vertex_stats": True, "vertex_stats_tw": 720, "vertex_stats_cols": [4],
                     "fan": True, "fan_tw": 10, "degree": True, "degree_tw": 10, "scatter-gather": False, "temp-cycle": True,
                     "temp-cycle_tw": 10, "lc-cycle": False})
    maker.set_params(settings)
    edges = numpy.ascontiguousarray(numpy.c_[numpy.arange(len(step)), source, target, step, value].astype(float))
    parts = range(0, len(edges), n_at_a_time)
    return numpy.vstack([maker.transform(numpy.ascontiguousarray(edges[at : at + n_at_a_time])) for at in parts])[:, 4:]


def say(text):
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
