"""What the service manager hears of a node whose main process is a guardian (Type=notify, NotifyAccess=all)."""
import contextlib
import os
import signal
import socket
import time

from lib import wait
from test_vip_basic import pair
from vip import send


@contextlib.contextmanager
def manager(t):
    """A socket like systemd's; yields all that was said on it, one list of lines."""
    os.environ["NOTIFY_SOCKET"] = str(t.dir / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(os.environ["NOTIFY_SOCKET"])
        sock.setblocking(False)
        heard = []

        def said(line):
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.extend(sock.recv(4096).decode().splitlines())
            return heard.count(line)
        yield said, heard


def test_vip_notify_through_the_guardian(t):
    with manager(t) as (said, heard), pair(t, start="a") as s:
        s.ask.steady("a")
        assert said("READY=1") == 1, heard
        worker = s["a"].worker()
        s["a"].process.send_signal(signal.SIGUSR2)
        wait(lambda: s["a"].worker() not in (None, worker), "the new process")
        wait(lambda: said("READY=1") == 2, f"the new process to say that it serves: {heard}")
        time.sleep(0.5)
        said("")
        # The guardian is the main process before and after: a manager told of a worker would take its end for the service's.
        assert [line for line in heard if line.startswith("MAINPID=")] in ([], [f"MAINPID={s['a'].process.pid}"]), heard
        worker = s["a"].worker()
        send([worker], signal.SIGKILL)
        wait(lambda: s["a"].worker() not in (None, worker), "the guardian to start another worker")
        s.ask.steady("a")
        assert said("STOPPING=1") == 0 and s["a"].process.poll() is None, heard
        s["a"].terminate()
        assert s["a"].process.wait(10) == 0
        assert said("STOPPING=1") == 1, heard
