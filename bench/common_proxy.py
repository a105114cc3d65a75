"""What bench/proxy measures Holdfast with: the origins, and Holdfast's own configuration. The peers: common_peers.py."""
import subprocess

from common import build_tool, free_port, tree, version_line, wait_port


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


class Contender:
    """Listens on `http`, `tls` and `tcp`, all three to the same origin, on `bulk` to another one, and on `sql` and `aware` to the SQL
    server; only Holdfast understands what it relays there, on `aware` and on `sql_tls` (TLS first, on both sides).

    `log`: an access log is written; `bare`: nothing but the relaying; `clients`: what it must have room for at once."""
    ours, tcp_works = False, True

    def __init__(self, work, origin, sql_servers, certificate, log, clients, bare=False, bulk_origin=None):
        self.work, self.origin, self.certificate, self.log, self.clients, self.bare = work, origin, certificate, log, clients, bare
        self.bulk_origin = bulk_origin or origin
        self.sql_server, self.sql_tls_server = sql_servers
        self.http, self.tls, self.tcp, self.bulk, self.sql, self.aware, self.sql_tls = (free_port() for _ in range(7))
        self.slug = self.name.lower().replace(" ", "-")
        if not self.ours:
            self.aware = self.sql

    def start(self, core, patience=5.0):
        """`core`: None for any."""
        self.process = self.work.start(*self.argv(), core=core, log=f"{self.slug}.log")
        wait_port(self.http, patience)
        wait_port(self.tls, patience)

    @property
    def pid(self):
        return self.process.pid


class Holdfast(Contender):
    name = "Holdfast"
    ours, binary = True, None
    loops, batched, routes = 1, False, 0

    def version(self):
        return version_line([self.binary, "version"])

    def more_routes(self):
        """Every fourth asks for a host; none has a path that another row asks for."""
        return "".join(f"""
[[route]]
listen = ["http"]
path = "/api/v1/group{n}/*"
{f'host = ["host{n}.example"]' if n % 4 == 3 else ""}
service = "app"
""" for n in range(self.routes))

    def features(self):
        return 'replay = "never"\nshield = 0' if self.bare else ""

    def argv(self):
        return [self.binary, "run", "-c", self.write(self.work.dir / f"{self.slug}.toml")]

    def write(self, path):
        log = f'access-log = "{self.work.dir}/{self.slug}-access.log"' if self.log else ""
        admin = "" if self.bare else f'[admin]\nbind = ["127.0.0.1:{free_port()}"]'
        path.write_text(f"""
[process]
loops = {self.loops}
batch-wakeups = {"true" if self.batched else "false"}
control-socket = "{self.work.dir}/{self.slug}.sock"
spill-dir = "{self.work.dir}"
{log}
{admin}
[listen.http]
bind = ["127.0.0.1:{self.http}"]
timeouts = {{ idle = "10m" }}
[listen.tls]
bind = ["127.0.0.1:{self.tls}"]
tls = {{ certificate = "{self.certificate}", min-version = "1.3" }}
[listen.bulk]
bind = ["127.0.0.1:{self.bulk}"]
[listen.tcp]
bind = ["127.0.0.1:{self.tcp}"]
protocol = "tds"
mode = "opaque"
service = "relay"
[listen.sql]
bind = ["127.0.0.1:{self.sql}"]
protocol = "tds"
mode = "opaque"
service = "sql"
[listen.aware]
bind = ["127.0.0.1:{self.aware}"]
protocol = "tds"
mode = "aware"
service = "sql"
[listen.sql-tls]
bind = ["127.0.0.1:{self.sql_tls}"]
protocol = "tds"
mode = "aware"
service = "sql-tls"
tls = {{ certificate = "{self.certificate}", min-version = "1.3" }}
[service.sql-tls]
instances = {{ a = "127.0.0.1:{self.sql_tls_server}" }}
check = {{ tcp = true, every = "1s" }}
tls = {{ verify = false }}
sql = {{ encrypt = "strict" }}
[service.sql]
instances = {{ a = "127.0.0.1:{self.sql_server}" }}
check = {{ tcp = true, every = "1s" }}
sql = {{ encrypt = "none" }}
[service.app]
instances = {{ a = "127.0.0.1:{self.origin}" }}
check = {{ get = "/1k", every = "1s" }}
[service.bulk]
instances = {{ a = "127.0.0.1:{self.bulk_origin}" }}
check = {{ get = "/1k", every = "1s" }}
[service.relay]
instances = {{ a = "127.0.0.1:{self.origin}" }}
check = {{ tcp = true, every = "1s" }}
[[route]]
listen = ["http", "tls"]
path = "/*"
service = "app"
{self.features()}
[[route]]
listen = ["bulk"]
path = "/*"
service = "bulk"
{self.features()}
{self.more_routes()}
""")
        return path


class HoldfastBatched(Holdfast):
    name, batched = "Holdfast batched", True
