#!/usr/bin/env python3
"""Compares prevalence/ with its peers in one run: processor time on the same survey.

Rescaled bootstrap of a ratio on a made-up national survey (3,600 respondents, 150 PSUs): ours, svy from PyPI (its core
is Rust), R's survey package (subbootstrap; Debian r-cran-survey) and R's networkreporting (from its source: it is in no
registry that we install from). Then our own models, for which these have no counterpart. Run from the root of the project: script/bench prevalence
Prints a table on stderr and one JSON object on stdout; says when a peer is left out.
"""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PEERS = TARGET / "bench-peers" / "prevalence"
REPLICATES = 10_000
REPLICATES_R = 500
REPLICATES_NETWORKREPORTING = 2000

# What svy does for the same question; prints processor time and the standard error.
SVY = """
import sys, time, json, warnings
warnings.filterwarnings("ignore")
import polars, svy
data = polars.read_csv(sys.argv[1])
sample = svy.Sample(data, svy.Design(stratum="region", psu="place", wgt="weight"))
began = time.process_time()
sample = sample.weighting.create_bs_wgts(n_reps=int(sys.argv[2]), rstate=1)
made = time.process_time()
estimate = sample.estimation.ratio("hidden_a", "network", method="replication")
ended = time.process_time()
frame = estimate.to_polars()
column = next(name for name in frame.columns if name.lower() in ("se", "std_err", "stderr"))
print(json.dumps({"make_ms": 1e3 * (made - began), "ratio_ms": 1e3 * (ended - made), "se": frame[column][0], "version": svy.__version__}))
"""

# The same in R; system time is left out, user time of the process is what counts.
R = """
suppressMessages(library(survey))
arguments <- commandArgs(TRUE)
data <- read.csv(arguments[1])
n <- as.integer(arguments[2])
design <- svydesign(id = ~place, strata = ~region, weights = ~weight, data = data)
set.seed(1)
made <- system.time(rep <- as.svrepdesign(design, type = "subbootstrap", replicates = n))[["user.self"]]
took <- system.time(ratio <- svyratio(~hidden_a, ~network, rep))[["user.self"]]
cat(sprintf('{"make_ms": %.3f, "ratio_ms": %.3f, "se": %.17g, "version": "%s"}', 1e3 * made, 1e3 * took, SE(ratio), packageVersion("survey")))
"""

# The bootstrap that network scale-up studies use, with the estimator of the same package.
NETWORKREPORTING = """
suppressMessages({library(surveybootstrap); library(networkreporting)})
arguments <- commandArgs(TRUE)
data <- read.csv(arguments[1])
set.seed(1)
took <- system.time(capture.output(result <- bootstrap.estimates(
  survey.data = data, survey.design = ~ place + strata(region), bootstrap.fn = "rescaled.bootstrap.sample",
  estimator.fn = "nsum.estimator", num.reps = as.integer(arguments[2]), weights = "weight", d.hat.vals = "network",
  y.vals = "hidden_a", total.popn.size = 1, missing = "complete.obs", verbose = FALSE)))[["user.self"]]
se <- sd(vapply(result, function(one) one$estimate, 0))
cat(sprintf('{"make_ms": %.3f, "ratio_ms": 0, "se": %.17g, "version": "%s"}', 1e3 * took, se, packageVersion("networkreporting")))
"""


def main():
    run(["cargo", "build", "--quiet", "-p", "streamward"])
    program = TARGET / "debug" / "streamward"
    folder = Path(tempfile.mkdtemp(prefix="prevalence-bench-"))
    try:
        run([program, "prevalence", "simulate", "--write", folder], stdout=subprocess.DEVNULL)
        data = with_networks(folder)
        report = {"replicates": replicates(folder, data), "models": models(program, folder)}
    finally:
        shutil.rmtree(folder)
    print(json.dumps(report, indent=1))


def with_networks(folder):
    """The survey with each respondent's network, so that peers have the same two columns to divide."""
    known = [line.split(" = ")[1] for line in open(folder / "codebook.toml") if line.startswith("size = ")]
    frame, *sizes = map(float, known)
    with open(folder / "survey.csv") as file:
        rows = list(csv.DictReader(file))
    groups = [name for name in rows[0] if name.startswith("known_")]
    data = folder / "networks.csv"
    with open(data, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["region", "place", "weight", "hidden_a", "network"])
        for row in rows:
            network = frame * sum(min(int(row[name]), 30) for name in groups) / sum(sizes)
            writer.writerow([row["region"], row["place"], row["weight"], row["hidden_a"], repr(network)])
    return data


def replicates(folder, data):
    lines = run(
        ["cargo", "bench", "--quiet", "-p", "streamward-prevalence", "--bench", "replicates", "--", "--json", folder],
        stdout=subprocess.PIPE,
    ).stdout.splitlines()
    (ours,) = (json.loads(line) for line in lines if line.startswith("{"))
    say(f"ours: {REPLICATES} Rao-Wu replicates of one ratio {ours['one_ms']:.2f} ms (budget 10 ms), se {ours['one_se']:.6g}")
    say(f"ours: all groups, domains and hold-outs, Taylor and jackknife {ours['all_ms']:.1f} ms (budget 100 ms)")
    say(f"ours: all groups and domains, {REPLICATES} replicates {ours['all_replicates_ms']:.1f} ms")
    found = {"ours": ours}
    peer = svy(data)
    found["svy"] = peer
    if peer:
        total = peer["make_ms"] + peer["ratio_ms"]
        peer["times_slower"] = total / ours["one_ms"]
        say(f"svy {peer['version']}: {REPLICATES} replicates {total:.0f} ms, {peer['times_slower']:.0f} times ours, se {peer['se']:.6g}")
    for name, package, script, n_replicates, remedy in [
        ("r", "survey", R, REPLICATES_R, "Debian: apt-get install r-cran-survey"),
        (
            "networkreporting",
            "networkreporting",
            NETWORKREPORTING,
            REPLICATES_NETWORKREPORTING,
            "R CMD INSTALL the sources cran/functional, dfeehan/surveybootstrap and dfeehan/networkreporting on GitHub",
        ),
    ]:
        peer = r(package, script, data, n_replicates, remedy)
        found[name] = peer
        if peer:
            total = (peer["make_ms"] + peer["ratio_ms"]) * REPLICATES / n_replicates
            peer["times_slower"] = total / ours["one_ms"]
            say(
                f"R {package} {peer['version']}: {n_replicates} replicates measured, scaled to {REPLICATES}: {total / 1e3:.1f} s, "
                f"{peer['times_slower']:.0f} times ours, se {peer['se']:.6g}"
            )
    return found


def svy(data):
    python = PEERS / "bin" / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
        pin = ["svy==0.35.0", "svy_rs==0.19.1"]
        if subprocess.run([python, "-m", "pip", "install", "--quiet", *pin], stdout=sys.stderr).returncode != 0:
            shutil.rmtree(PEERS)
            say("left out: svy cannot be installed from PyPI")
            return None
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    output = run([python, "-c", SVY, data, str(REPLICATES)], stdout=subprocess.PIPE, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def r(package, script, data, n_replicates, remedy):
    has = ["Rscript", "-e", f"library({package})"]
    if not shutil.which("Rscript") or subprocess.run(has, capture_output=True).returncode != 0:
        say(f"left out: R with its package {package} is absent ({remedy})")
        return None
    command = ["Rscript", "--vanilla", "-e", script, data, str(n_replicates)]
    return json.loads(run(command, stdout=subprocess.PIPE).stdout)


def models(program, folder):
    """Our models on the whole survey, and the overdispersed one on 100 respondents and 5 groups, as Stan was timed on."""
    small = small_survey(folder)
    survey = ["--codebook", folder / "codebook.toml", folder / "survey.csv"]
    areas = ["--area", "place", "--area-data", folder / "places.csv", "--covariates", "remoteness"]
    tries = {
        "overdispersed, 100 respondents, 5 groups (budget 2 s)": ["--model", "overdispersed", *small, "--draws", "1000"],
        "pooled, 150 areas, 3,600 respondents (budget 60 s)": ["--model", "pooled", *survey, *areas],
    }
    found = {}
    for name, arguments in tries.items():
        began = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run([program, "prevalence", "bayes", *arguments, "--json"], stdout=subprocess.PIPE, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = json.loads(output.stdout)["convergence"]
        own["cpu_s"] = after.ru_utime - before.ru_utime
        own["wall_s"] = time.monotonic() - began
        found[name] = own
        say(
            f"{name}: {own['wall_s']:.1f} s, {own['cpu_s']:.1f} s of processor, converged: {own['converged']}, R-hat at most {own['r_hat_max']:.4f}, "
            f"independent draws at least {min(own['ess_bulk_min'], own['ess_tail_min']):.0f}, divergences {own['divergences']}"
        )
    return found


def small_survey(folder):
    columns = ["known_05", "known_08", "known_11", "known_06", "hidden_a"]
    with open(folder / "survey.csv") as file:
        rows = list(csv.DictReader(file))[:100]
    with open(folder / "small.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[name] for name in columns] for row in rows)
    text = '[frame]\nsize = 12750000\n[design]\n[answers]\ntrue_counts = [97, 98, 99, 998, 999]\n[[hidden]]\ncolumn = "hidden_a"\n'
    for name, share in zip(columns, [0.01, 0.015, 0.009, 0.006]):
        text += f'[[known]]\ncolumn = "{name}"\nsize = {12750000 * share}\n'
    (folder / "small.toml").write_text(text)
    return ["--codebook", folder / "small.toml", folder / "small.csv"]


def run(command, **options):
    return subprocess.run([str(word) for word in command], cwd=ROOT, check=True, text=True, **options)


def say(line):
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
