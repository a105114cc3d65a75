#!/usr/bin/env python3
"""Memory of idle SQL sessions: user space that each one costs the proxy, its login and one question done.

By itself: bench/common_memory.py [--only holdfast,haproxy] [--holdfast PATH] [--sessions 2000]
Kernel sockets are not in it. VmRSS and Pss_Anon (smaps_rollup) should agree; the second is without mapped files.
"""
import argparse
import resource
import subprocess
import sys

sys.dont_write_bytecode = True
from common import Work, markdown, memory_kib, tree  # noqa: E402
from common_proxy import available, make_certificate, sql_tool, start_origin, start_sql  # noqa: E402

WARM = 64  # sessions that come first, so that what all of them share is there


def pss_anon_kib(pid):
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))
        except OSError:
            pass
    return total


def sql_idle_memory(contender, sessions):
    """Bytes of growth for each of so many idle sessions on `contender.aware`: (by VmRSS, by Pss_Anon)."""
    client = subprocess.Popen([sql_tool(), "hold", str(contender.aware)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    contender.work.processes.append(client)

    def say(count):
        client.stdin.write(f"{count}\n")
        client.stdin.flush()
        if client.stdout.readline() != "done\n":
            raise SystemExit(f"{contender.name}: a session failed")

    def now():
        return memory_kib(contender.pid, "VmRSS"), pss_anon_kib(contender.pid)

    say(WARM)
    before = now()
    say(sessions)
    after = now()
    say(0)  # each is served still
    client.stdin.close()
    client.wait(10)
    return tuple(1024 * (b - a) // sessions for a, b in zip(before, after))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--only", default="holdfast,haproxy")
    parser.add_argument("--holdfast", help="the binary; default: the release build, else dev")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Work("memory") as work:
        certificate, origin = make_certificate(work), start_origin(work, 0)
        sql = start_sql(work, 0, certificate)
        rows = []
        for contender in (c(work, origin, sql, certificate, True, args.sessions + 500) for c in available(args.only, args.holdfast)):
            contender.start(1)
            rows.append([contender.name, *sql_idle_memory(contender, args.sessions)])
        print(markdown([f"bytes for each of {args.sessions} idle SQL sessions", "VmRSS", "Pss_Anon"], rows))


if __name__ == "__main__":
    main()
