"""What bench/proxy has besides the contenders: a certificate, the origins, and the choice of who takes part."""
import subprocess

from common import build_tool, find_holdfast, free_port, tree, wait_port
from common_contender import Holdfast, HoldfastUnbatched
from common_peers import Haproxy, NewerHaproxy, NewerNginx, Nginx


def make_certificate(work):
    """An RSA 2048 certificate with its key in one file, as all three read it."""
    key, certificate, both = (work.dir / n for n in ("key.pem", "certificate.pem", "both.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=bench.test",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    both.write_text(certificate.read_text() + key.read_text())
    return both


class Origin:
    """nginx with static files; head and body leave in one segment (tcp_nopush). /api/ is 1 KiB too."""

    def __init__(self, work, core, name="origin"):
        self.port, root = free_port(), work.dir / "www"
        root.mkdir(exist_ok=True)
        for file, size in (("1k", 1 << 10), ("64k", 1 << 16), ("1m", 1 << 20)):
            (root / file).write_bytes(b"x" * size)
        with open(root / "1g", "wb") as file:
            file.truncate(1 << 30)  # a hole: no disk is read
        path = work.write(f"{name}.conf", f"""
worker_processes 1; pid {work.dir}/{name}.pid; error_log {work.dir}/{name}-error.log crit;
events {{ worker_connections 16384; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_timeout 600s; keepalive_requests 1000000000;
  open_file_cache max=10;
  server {{ listen 127.0.0.1:{self.port} backlog=4096; root {root}; location /api/ {{ rewrite ^ /1k break; }} }} }}
""")
        self.process = work.start("nginx", "-p", work.dir, "-c", path, "-g", "daemon off;", core=core, log=f"{name}.log")
        wait_port(self.port)

    def pids(self):
        return tree(self.process.pid)


def start_origin(work, core):
    return Origin(work, core).port


TDS_PARTS = [f"tds/{name}.cpp" for name in ("little", "packet", "prelogin", "all_headers", "login7", "login7_features", "token",
                                             "token_env_change", "type_info", "tvp", "rpc_build")]
TDS_PARTS += [f"proxy/base/{name}.cpp" for name in ("secret", "check", "log")]


def sql_tool():
    return build_tool("tds", *TDS_PARTS, libraries=["-lssl", "-lcrypto"])


def start_sql(work, core, certificate):
    """A server of canned TDS answers; its port, and the one with TLS first."""
    port, tls_port = free_port(), free_port()
    work.start(sql_tool(), "serve", port, tls_port, certificate, core=core, log="sql.log")
    wait_port(port)
    return port, tls_port


CONTENDERS = {"holdfast": Holdfast, "haproxy": Haproxy, "nginx": Nginx, "holdfast-unbatched": HoldfastUnbatched,
              "haproxy-newer": NewerHaproxy, "nginx-newer": NewerNginx}


def available(only, binary=None):
    """The classes named in `only`; by default all but the Holdfast without batched wake-ups, and newer peers where one is named."""
    Holdfast.binary = find_holdfast(binary)
    usual = [name for name, c in CONTENDERS.items() if c is Holdfast or c.binary and not c.ours]
    names = only.split(",") if only else usual
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise SystemExit(f"unknown contender: {', '.join(unknown)}")
    chosen = [CONTENDERS[name] for name in names]
    if not Holdfast.binary and any(c.ours for c in chosen):
        raise SystemExit("no holdfast binary: build the release or dev preset, or give --holdfast PATH")
    return chosen
