#!/usr/bin/env python3
"""Instances and their clients for the virtual IP's tests, each a process of its own inside a namespace.

    vip_load.py serve NAME ADDRESS HTTP_PORT ECHO_PORT     an instance: answers with its name, echoes on the other port
    vip_load.py hold ADDRESS HTTP_PORT TDS_PORT COUNT      keeps COUNT connections busy, half of them on each port
    vip_load.py load ADDRESS HTTP_PORT PER_SECOND          an open-loop load: a request is due whatever became of those before

`hold` prints "NANOSECONDS KIND DETAIL": open (all are), answer (the first ones of a new instance's name), polite (closed with notice: Connection:
close, or while idle), and what must not be: reset, cut (closed in mid-request), late (no answer for 2 s).
`load` prints "NANOSECONDS MICROSECONDS OUTCOME METHOD" per request, when it was due and how long it took; OUTCOME is ok or an error in one word.
"""
import asyncio
import os
import resource
import signal
import sys
import time

PATIENCE = 4.0  # seconds an IVR script waits
LATE = 2.0


class Http(asyncio.Protocol):
    """Just enough of HTTP/1.1 for a proxy that we trust."""

    def __init__(self, name):
        self.name, self.data = name.encode(), b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, rest = self.data.split(b"\r\n\r\n", 1)
            lower = head.lower()
            size = int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in lower else 0
            if len(rest) < size:
                return
            self.data = rest[size:]
            self.transport.write(b"HTTP/1.1 200 OK\r\nX-Origin: " + self.name + b"\r\nContent-Length: 4\r\n\r\nwell")


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve(name, address, http, echo):
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Http(name), address, int(http), backlog=1024)
    await loop.create_server(Echo, address, int(echo), backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


def say(*words):
    print(time.monotonic_ns(), *words, flush=True)


async def response(reader):
    """The head of a response whose body has 4 bytes or says its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    size = int(head.split("content-length:")[1].split("\r\n")[0]) if "content-length:" in head else 0
    await reader.readexactly(size)
    return head


async def hold_http(address, port, opened):
    reader, writer = await asyncio.open_connection(address, port)
    opened()
    while True:
        if reader.at_eof():
            return "polite", "idle"
        writer.write(b"GET /held HTTP/1.1\r\nHost: a.test\r\n\r\n")
        try:
            head = await asyncio.wait_for(response(reader), LATE)
        except asyncio.IncompleteReadError as error:
            return "cut", len(error.partial)
        if "connection: close" in head:
            writer.close()
            return "polite", "asked"
        await asyncio.sleep(0.1)


async def hold_echo(address, port, opened):
    reader, writer = await asyncio.open_connection(address, port)
    opened()
    number = 0
    while True:
        number += 1
        data = b"%012d" % number
        writer.write(data)
        try:
            if await asyncio.wait_for(reader.readexactly(len(data)), LATE) != data:
                return "cut", "wrong"
        except asyncio.IncompleteReadError as error:
            return "cut", len(error.partial)
        await asyncio.sleep(0.1)


async def hold(address, http, tds, count):
    count, done = int(count), []

    def opened():
        done.append(1)
        if len(done) == count:
            say("open", count)

    async def one(number):
        way, port = (hold_echo, tds) if number % 2 else (hold_http, http)
        try:
            say(*await way(address, int(port), opened), "tds" if number % 2 else "http")
        except asyncio.TimeoutError:
            say("late", number)
        except OSError as error:
            say("reset", type(error).__name__, "tds" if number % 2 else "http")
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    await asyncio.Event().wait()


async def request(address, port, number):
    """On a fresh connection, as a script does. Every fourth is a POST with a body."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        if number % 4:
            writer.write(b"GET /load/%d HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" % number)
        else:
            writer.write(b"POST /load/%d HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 100\r\n\r\n" % number +
                         b"x" * 100)
        head = await response(reader)
        return "ok" if head.startswith("http/1.1 200") else "status" + head.split()[1]
    finally:
        writer.transport.abort()


async def load(address, port, per_second):
    running = set()

    async def one(due, number):
        try:
            outcome = await asyncio.wait_for(request(address, int(port), number), PATIENCE)
        except asyncio.TimeoutError:
            outcome = "timeout"
        except asyncio.IncompleteReadError:
            outcome = "cut"
        except OSError as error:
            outcome = type(error).__name__
        print(due, (time.monotonic_ns() - due) // 1000, outcome, "GET" if number % 4 else "POST")
    number, begin = 0, time.monotonic_ns()
    while True:
        due = begin + number * 1_000_000_000 // int(per_second)
        wait = (due - time.monotonic_ns()) / 1e9
        if wait > 0:
            sys.stdout.flush()
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(due, number))
        running.add(task)
        task.add_done_callback(running.discard)
        number += 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: (sys.stdout.flush(), os._exit(0)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    asyncio.run({"serve": serve, "hold": hold, "load": load}[sys.argv[1]](*sys.argv[2:]))
