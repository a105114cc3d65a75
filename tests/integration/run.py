#!/usr/bin/env python3
"""Runs the integration tests: tests/integration/run.py --build .build/dev [PATTERN ...]

Each test is a process of its own with a time limit, two at a time. For machines: a line `FAIL name` or
`SKIP name` for each test that did not pass, then `N passed, N failed, N skipped`, which the last line
repeats after `integration: `. Exit 0 only if nothing failed and something passed.
KEEP=1 in the environment keeps a test's directory (configuration, logs).
"""
import argparse
import ast
import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 90   # seconds a test may take
SKIPPED = 77


def discover(patterns):
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            name = f"{path.stem}.{getattr(node, 'name', '')}"
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                if not patterns or any(p in name for p in patterns):
                    found.append(name)
    return found


def run_one(name, build):
    """In the child: one test; the exit code says how it went."""
    sys.path.insert(0, str(HERE))
    import lib
    module, function = name.split(".")
    test = lib.Test(build)
    code = 0
    try:
        getattr(__import__(module), function)(test)
        test.end_proxy()
    except lib.Skip as reason:
        print(reason)
        code = SKIPPED
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        if test.proxy:
            print("--- log, its end ---\n" + test.proxy.log()[-3000:])
        code = 1
    finally:
        test.finish()
    sys.stdout.flush()
    os._exit(code)  # threads of scripted origins may still wait


def spawn(name, build):
    start = time.monotonic()
    child = subprocess.Popen([sys.executable, "-B", __file__, "--build", build, "--one", name], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, _ = child.communicate(timeout=LIMIT)
        code = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # the session that we made, and what the test started in it
        out, code = child.communicate()[0] + f"took longer than {LIMIT} s", 1
    return name, {0: "passed", SKIPPED: "skipped"}.get(code, "failed"), out, time.monotonic() - start


def again(bad, count, build):
    """Timing under a sanitizer on a shared machine can fail a test that is right. Up to three failures get one more
    run each, alone; what passes then counts as passed and is named as unsteady. More than three are no accident."""
    failures = [line for line in bad if line.startswith("FAIL ")]
    for line in failures if len(failures) <= 3 else []:
        name, result, _, seconds = spawn(line.removeprefix("FAIL "), build)
        print(f"again: {result:7} {seconds:5.1f} s  {name}", flush=True)
        if result == "passed":
            count["failed"], count["passed"] = count["failed"] - 1, count["passed"] + 1
            bad[bad.index(line)] = "UNSTEADY " + name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="directory of the build to test")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--without", action="append", default=[], help="leave out tests whose name contains this")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("patterns", nargs="*", help="run only tests whose name contains one of these")
    args = parser.parse_args()
    if args.one:
        run_one(args.one, args.build)
    if not os.access(pathlib.Path(args.build) / "holdfast", os.X_OK):
        raise SystemExit(f"{args.build} has no holdfast")
    count = {"passed": 0, "failed": 0, "skipped": 0}
    bad = []
    with concurrent.futures.ThreadPoolExecutor(args.parallel) as pool:
        jobs = [pool.submit(spawn, name, args.build) for name in discover(args.patterns)
                if not any(part in name for part in args.without)]
        for job in concurrent.futures.as_completed(jobs):
            name, result, out, seconds = job.result()
            count[result] += 1
            print(f"{result:7} {seconds:5.1f} s  {name}", flush=True)
            if result != "passed":
                bad.append(("FAIL " if result == "failed" else "SKIP ") + name)
                print("    " + out.strip().replace("\n", "\n    "), flush=True)
    again(bad, count, args.build)
    summary = ", ".join(f"{n} {result}" for result, n in count.items())
    print("\n".join(sorted(bad) + [summary, "integration: " + summary]))
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
