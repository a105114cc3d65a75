"""bench/proxy itself runs: an open-loop row, and a burst of which nobody is refused. Figures are not judged here."""
import os
import pathlib
import shutil
import subprocess
import sys

from lib import Skip

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "bench"


def test_bench_proxy_runs(t):
    if t.binary.split("/")[-2] in ("asan", "tsan"):
        raise Skip("a burst of thousands is too much for a sanitizer")
    if not shutil.which("nginx"):
        raise Skip("nginx, the origin, is not here")
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Skip("two processors are needed")
    run = subprocess.run([sys.executable, str(BENCH / "proxy"), "--rounds", "1", "--seconds", "1", "--only", "holdfast", "--no-variants",
                          "--rows", "rates,burst", "--rates", "500", "--holdfast", t.binary],
                         capture_output=True, text=True, timeout=85)
    assert run.returncode == 0, run.stdout + run.stderr
    for row in ("| 500 | Holdfast |", "| burst of "):
        assert row in run.stdout, run.stdout
