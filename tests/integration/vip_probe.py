#!/usr/bin/env python3
"""The measuring instruments of the virtual IP's tests, each a process of its own inside a namespace.

    vip_probe.py answer NAME PORT ADDRESS...        a node's stand-in for a service: tells over UDP which node it is on
    vip_probe.py ask ADDRESS PORT [EVERY_MS]        asks it on a fixed schedule; prints each answer
    vip_probe.py arp INTERFACE ADDRESS [EVERY_MS]   asks anew where ADDRESS lives, past every cache; prints what is said

`ask` prints "NANOSECONDS NAME NUMBER" per answer. `arp` (and ND, for an IPv6 address) prints "NANOSECONDS KIND MAC NUMBER" with
KIND ask, answer, announce (gratuitous or unsolicited) or advert (VRRP, its number is the priority). Each question has another sender address, so
that each answer names its question. All clocks are CLOCK_MONOTONIC, one for all namespaces. They end by SIGTERM.
"""
import ipaddress
import os
import select
import signal
import socket
import struct
import sys
import time

QUESTIONS = 512       # sender addresses in use: each is a neighbour entry at whoever answers
IP_FREEBIND, IPV6_FREEBIND = 15, 78
SOL_IPV6 = 41


def real_time():
    """Above the machine's load, below what is measured."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))
    except OSError:
        pass


def answer(name, port, *addresses):
    poll, sockets = select.poll(), {}
    for text in addresses:
        six = ":" in text
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(*((SOL_IPV6, IPV6_FREEBIND, 1) if six else (socket.SOL_IP, IP_FREEBIND, 1)))
        s.bind((text, int(port)))
        s.setblocking(False)
        sockets[s.fileno()] = s
        poll.register(s, select.POLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            try:
                data, client = sockets[fd].recvfrom(64)
                sockets[fd].sendto(name.encode() + b" " + data, client)
            except OSError:
                pass  # the address is gone, or the client's port


def schedule(every, send, sockets, receive):
    """Calls send(number) every `every` seconds, whatever came of those before, and receive(socket) in between."""
    number, due = 0, time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            send(number)
            number, due = number + 1, max(due + every, now)
            sys.stdout.flush()
        for s in select.select(sockets, [], [], max(0.0, due - time.monotonic()))[0]:
            receive(s)


def ask(address, port, every="1"):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    to = (address, int(port))

    def send(number):
        try:
            s.sendto(b"%d" % number, to)
        except OSError:
            pass  # unreachable for now

    def receive(_):
        try:
            name, number = s.recv(64).split()
            print(time.monotonic_ns(), name.decode(), number.decode())
        except OSError:
            pass
    schedule(float(every) / 1000, send, [s], receive)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Arp:
    protocol = 0x0806

    def __init__(self, own, address):
        self.own, self.address = own, ipaddress.ip_address(address).packed
        self.base = self.address[:2] + b"\xc0\x00"

    def question(self, number):
        sender = (int.from_bytes(self.base, "big") + number % QUESTIONS).to_bytes(4, "big")
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + self.own + sender + bytes(6) + self.address
        return b"\xff" * 6 + self.own + b"\x08\x06" + body

    def read(self, frame):
        """(kind, mac, number) or None."""
        if frame[12:14] != b"\x08\x06" or len(frame) < 42 or frame[28:32] != self.address:
            return None
        target = frame[38:42]
        if target == self.address:
            return "announce", frame[22:28], 0
        if frame[20:22] == b"\x00\x02" and target[:2] == self.base[:2]:
            return "answer", frame[22:28], int.from_bytes(target, "big") - int.from_bytes(self.base, "big")
        return None


class Nd:
    protocol = 0x86dd

    def __init__(self, own, address):
        self.own, self.address = own, ipaddress.ip_address(address).packed
        self.base = self.address[:8] + bytes(6) + b"\x40\x00"
        self.group = b"\xff\x02" + bytes(9) + b"\x01\xff" + self.address[13:]

    def question(self, number):
        sender = (int.from_bytes(self.base, "big") + number % QUESTIONS).to_bytes(16, "big")
        body = b"\x87\x00\x00\x00" + bytes(4) + self.address + b"\x01\x01" + self.own
        pseudo = sender + self.group + struct.pack("!II", len(body), 58)
        body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
        head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + sender + self.group
        return b"\x33\x33" + self.group[12:] + self.own + b"\x86\xdd" + head + body

    def read(self, frame):
        if frame[12:14] != b"\x86\xdd" or frame[20] != 58 or len(frame) < 78 or frame[54] != 136 or \
                frame[62:78] != self.address:
            return None
        target = frame[38:54]
        if target[0] == 0xff:
            return "announce", frame[6:12], 0
        if target[:8] == self.base[:8]:
            return "answer", frame[6:12], int.from_bytes(target, "big") - int.from_bytes(self.base, "big")
        return None


def advert(frame):
    """A VRRP advertisement that passed by: its sender's MAC and priority."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 112:
        return "advert", frame[6:12], frame[14 + 4 * (frame[14] & 15) + 2]
    if frame[12:14] == b"\x86\xdd" and frame[20] == 112:
        return "advert", frame[6:12], frame[56]
    return None


def arp(interface, address, every="5"):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 3))
    s.setblocking(False)
    membership = struct.pack("iHH8s", socket.if_nametoindex(interface), 1, 0, bytes(8))
    s.setsockopt(263, 1, membership)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous
    own = s.getsockname()[4]
    way = (Nd if ":" in address else Arp)(own, address)

    def send(number):
        if float(every):
            s.send(way.question(number))
            print(time.monotonic_ns(), "ask", own.hex(":"), number % QUESTIONS)

    def receive(_):
        try:
            frame, origin = s.recvfrom(2048)
        except OSError:
            return  # the interface went down
        told = origin[2] != socket.PACKET_OUTGOING and (way.read(frame) or advert(frame))
        if told:
            print(time.monotonic_ns(), told[0], told[1].hex(":"), told[2])
    schedule(float(every) / 1000 or 0.01, send, [s], receive)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: (sys.stdout.flush(), os._exit(0)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started this; it ends us
    real_time()
    {"answer": answer, "ask": ask, "arp": arp}[sys.argv[1]](*sys.argv[2:])
