#!/usr/bin/env python3
"""What came out of the guard, seen by somebody else?

Decodes the film before and after with ffmpeg into small grey pictures and compares those: nothing of the guard's own
code, no hash. A frame is the card when it correlates with the card, itself when it correlates with its source.
"""
import json
import math
import subprocess
import sys
from pathlib import Path

WIDTH, HEIGHT = 64, 36
FRAMES_A_SECOND = 25
CLEAR_FRAMES = FRAMES_A_SECOND  # the policy's clear_ms is one second


def main(folder: Path) -> int:
    card = grey(folder / "card.png")[0]
    before, after = grey(folder / "before.mp4"), grey(folder / "after.mp4")
    planted = [n for n, frame in enumerate(before) if likeness(frame, card) > 0.9]
    leaked = [n for n, frame in enumerate(after) if likeness(frame, card) > 0.5]
    kept = [n for n, (a, b) in enumerate(zip(before, after)) if likeness(a, b) > 0.95 and n not in planted]
    covered = [n for n in range(len(after)) if n not in kept]
    expected = {n for start in planted for n in range(start, start + CLEAR_FRAMES) if n < len(before)}
    report = json.loads((folder / "report.json").read_text())
    cpu_s = sum(map(float, (folder / "cpu.txt").read_text().split()[-2:]))
    rows = [
        ("frames in", len(before)),
        ("frames out", len(after)),
        ("judged by the guard", report["judged"]),
        ("card frames planted", len(planted)),
        ("card frames leaked", len(leaked)),
        ("covered (expected)", f"{len(covered)} ({len(expected)})"),
        ("benign frames kept", f"{len(kept)} of {len(before) - len(expected)}"),
        ("shown unjudged", report["released_unjudged"]),
        ("CPU a frame, decode + judge + encode", f"{cpu_s * 1000 / max(1, len(before)):.1f} ms"),
    ]
    for name, value in rows:
        print(f"  {name:<38}{value:>14}")
    is_right = (
        len(planted) >= 11
        and not leaked
        and len(after) == len(before) == report["frames"] == report["judged"]
        and len(set(covered) ^ expected) <= 2 * len(report["incidents"])
        and min(covered, default=-1) == min(planted)
        and report["released_unjudged"] == 0
    )
    print("  the guard held" if is_right else "  THE GUARD DID NOT HOLD")
    return 0 if is_right else 1


def grey(path: Path) -> list[bytes]:
    command = ["ffmpeg", "-loglevel", "error", "-i", str(path), "-vf", f"scale={WIDTH}:{HEIGHT}:flags=area",
               "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    size = WIDTH * HEIGHT
    return [data[i : i + size] for i in range(0, len(data) - size + 1, size)]


def likeness(a: bytes, b: bytes) -> float:
    """Pearson correlation of two pictures, -1 to 1; a flat picture is like nothing."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    x, y = [v - mean_a for v in a], [v - mean_b for v in b]
    norm = math.sqrt(math.fsum(v * v for v in x) * math.fsum(v * v for v in y))
    return math.fsum(p * q for p, q in zip(x, y)) / norm if norm > 1e-6 else 0.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
