#!/usr/bin/env python3
"""A reload a second under load: no failed request, no closed keep-alive connection, flat memory.

    tests/integration/soak_reload.py --build DIR [--seconds 60]

Each reload changes something else: a deadline, a header, a check's interval, a second listener that comes and goes.
"""
import argparse
import sys
import threading
import time

from lib import CHECK, Client, Test, free_port

CLIENTS = 8


def variant(t, number, other):
    """The file for the nth reload."""
    extra = ""
    if number % 2:
        extra = f'[listen.other]\nbind = ["127.0.0.1:{other}"]\n[[route]]\nlisten = ["other"]\nservice = "app"\n'
    route = f'deadline = "{10 + number % 5}s"\nresponse-headers = {{ set = {{ X-Reload = "{number}" }} }}'
    return t.config(*t.origins, route=route, check=CHECK.replace("100ms", f"{100 + number % 3}ms"), more=extra)


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


def soak(t, seconds):
    proxy = t.holdfast(t.origin("a"), t.origin("b"))
    stop, lock = threading.Event(), threading.Lock()
    result = {"requests": 0, "failed": [], "reconnects": 0, "reloads": 0}

    def work(number):
        client, done = Client(t.port), 0
        while not stop.is_set():
            try:
                answer = client.ask("POST" if number % 2 else "GET", body=b"x" * 100 if number % 2 else None)
                done += 1
                if answer.status != 200:
                    result["failed"].append(answer.line)
                if (answer.get("connection") or "").lower() == "close":
                    result["reconnects"] += 1
                    client = Client(t.port)
            except (OSError, EOFError) as error:
                result["failed"].append(repr(error))
                client = Client(t.port)
        with lock:
            result["requests"] += done
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    other, memory = free_port(), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        proxy.reload(variant(t, result["reloads"], other))
        result["reloads"] += 1
        memory.append(resident_kib(proxy.process.pid))
        time.sleep(max(0.0, min(1.0, end - time.monotonic())))
    stop.set()
    for thread in threads:
        thread.join(10)
    third = max(1, len(memory) // 3)
    result["memory_kib"] = (max(memory[:third]), max(memory[-third:]))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    t = Test(args.build)
    try:
        result = soak(t, args.seconds)
        t.end_proxy()
    finally:
        t.finish()
    early, late = result["memory_kib"]
    flat = late <= early * 1.1 + 1024
    print(f"{result['reloads']} reloads, {result['requests']} requests, {len(result['failed'])} failed, "
          f"{result['reconnects']} connections closed; resident memory {early} KiB in the first third, {late} in the last")
    for line in result["failed"][:10]:
        print("  " + line)
    return 0 if not result["failed"] and not result["reconnects"] and flat else 1


if __name__ == "__main__":
    sys.exit(main())
