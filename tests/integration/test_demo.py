"""The demo of proxy/run: its story about the database, its page's buttons, and that nothing of it stays behind."""
import http.cookiejar
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import urllib.request

from lib import Skip, wait

DEMO = pathlib.Path(__file__).resolve().parent / "demo.py"


def start(t, *arguments):
    """In a directory and a session of its own, as from a terminal."""
    build = pathlib.Path(t.binary).parent
    sqlnode = os.environ.get("HOLDFAST_SQLNODE") or build / "tests/sqlnode"
    for part in (build / "tests/portal", sqlnode):
        if not os.access(part, os.X_OK):
            raise Skip(f"{part.name} is not built")
    out = open(t.dir / "out", "wb")
    process = subprocess.Popen([sys.executable, "-B", DEMO, "--build", build, "--rate", "40", *arguments], stdout=out,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, "TMPDIR": str(t.dir), "NO_COLOR": "1"})
    t.processes.append(process)
    return process


def said(t):
    return (t.dir / "out").read_text(errors="replace")


def left(t):
    """Processes that have the test's directory in their command line, but this one's own."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(t.dir) in words:
            found.append(words.replace("\0", " "))
    return found


def gone(t):
    assert left(t) == [] and not list(t.dir.glob("holdfast-demo-*")), left(t)


def test_demo_sql_story(t):
    process = start(t, "--show-failover", "--only", "sql")
    assert process.wait(80) == 0, said(t)
    text = said(t)
    assert text.count("sql-1 -> sql-2") == 2 and "sql-2 -> sql-1" in text, text
    acknowledged = int(re.search(r"(\d+) changes were acknowledged", text)[1])
    assert acknowledged > 100 and "not stored: 0; POST stored twice: 0" in text, text
    gone(t)


def get(opener, url, data=None):
    with opener.open(url, data, 10) as answer:
        return answer.read().decode()


def test_demo_page_and_closed_terminal(t):
    process = start(t)
    wait(lambda: "median" in said(t) or process.poll() is not None, "the demo to run", 30)
    assert process.poll() is None, said(t)
    portal = re.search(r"The portal:\s+(\S+)", said(t))[1]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = get(opener, portal + "login", b"user=test")  # a session, kept in SQL, and the page after it
    assert "Not SQL Server" in page
    cluster = f"http://127.0.0.1:{re.search(r'cluster=([0-9]+)', page)[1]}/"

    def state():
        return json.loads(get(opener, cluster + "state"))

    def is_primary(name):
        return wait(lambda: any(n["name"] == name and n["role"] == "primary" for n in state()["nodes"]),
                    f"{name} to be primary: {state()}")

    is_primary("sql-1")
    get(opener, cluster + "kill?node=sql-1", b"")
    is_primary("sql-2")
    wait(lambda: [n["state"] for n in state()["nodes"]] == ["up", "up"], "the killed one to be started again")
    answer = json.loads(get(opener, cluster + "switch", b""))["said"]
    assert answer == "sql-1 is primary", answer
    get(opener, cluster + "freeze?node=sql-1", b"")
    is_primary("sql-2")
    get(opener, cluster + "restart?node=sql-1", b"")
    wait(lambda: [n["state"] for n in state()["nodes"]] == ["up", "up"], "the frozen one to be started again")
    assert "cluster=" in get(opener, portal), "the session outlived it all"
    before = state()["stored"]
    wait(lambda: state()["stored"] > before and state()["last"], "changes to be stored")
    assert state()["lost"] == state()["stored_twice"] == 0
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 128 + signal.SIGHUP, said(t)
    gone(t)


def test_demo_ends_in_the_middle(t):
    """Ctrl-C while the story has a node frozen."""
    process = start(t, "--show-failover", "--only", "sql")
    wait(lambda: "kill -9 of the SQL primary" in said(t) or process.poll() is not None, "the second chapter", 60)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    gone(t)
