"""What the Python programs of this folder have in common: their command line, one JSON line a scenario, and values
written alike by every driver.

Each program here is started as PROGRAM CA-FILE LABEL:ENCRYPTION:PORT ... and runs its scenarios at each of these
places on localhost, one after the other; encryption is off, login, on or strict. For each it prints a line
{"place": LABEL, "name": SCENARIO} with "result", with "failed" and an error's text, or with "skip" and why the driver
has no such thing. Programs in other languages do the same.
"""
import datetime
import decimal
import hashlib
import json
import pathlib
import sys
import uuid

HERE = pathlib.Path(__file__).parent
TYPES, NULLS = (HERE / "types.sql").read_text(), (HERE / "nulls.sql").read_text()
LARGE = 1 << 20  # bytes, or characters, of a large value


class Cannot(Exception):
    """The driver has no such thing."""


class Place:
    """Where to log in, and how."""

    host = "localhost"

    def __init__(self, words, ca):
        self.label, self.encryption, port = words.split(":")
        self.port, self.ca = int(port), ca


def text(value):
    """A value as all drivers write it: drivers differ in digits and classes, not in what they were sent."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (bytes, bytearray)):
        return value.hex() if len(value) < 100 else short(bytes(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "milliseconds")
    if isinstance(value, (int, float, decimal.Decimal, datetime.date, uuid.UUID)):
        return str(value).lower()
    return value if len(value) < 100 else short(value.encode())


def short(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def rows(found):
    return [[text(value) for value in row] for row in found]


def run(*scenarios):
    for words in sys.argv[2:]:
        for scenario in scenarios:
            tell(Place(words, sys.argv[1]), scenario)


def tell(place, scenario):
    line = {"place": place.label, "name": scenario.__name__}
    try:
        line["result"] = scenario(place)
    except Cannot as reason:
        line["skip"] = str(reason)
    except Exception as error:
        line["failed"] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps(line), flush=True)
