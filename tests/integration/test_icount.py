"""The instructions of a request are a kept figure (bench/icount.csv): a rise over 3 % fails until the file is updated."""
import pathlib
import shutil
import subprocess
import sys

from lib import Skip

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "bench"


def test_instructions_of_a_request(t):
    if not shutil.which("callgrind_control"):
        raise Skip("valgrind is not here")
    if not shutil.which("nginx"):
        raise Skip("nginx, the origin, is not here")
    run = subprocess.run([sys.executable, str(BENCH / "icount"), "--check", "--holdfast", t.binary], capture_output=True,
                         text=True, timeout=85)
    if run.returncode == 77:
        raise Skip(run.stdout.strip().splitlines()[-1])
    assert run.returncode == 0, run.stdout + run.stderr
