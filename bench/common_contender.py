"""What bench/proxy measures: what all contenders have in common, and Holdfast's own configuration. The peers: common_peers.py."""
from common import free_port, version_line, wait_port


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
        try:
            wait_port(self.http, patience)
            wait_port(self.tls, patience)
            if self.process.poll() is not None:
                raise RuntimeError("somebody else listens there")
        except RuntimeError:
            said = (self.work.dir / f"{self.slug}.log").read_text(errors="replace")
            raise SystemExit(f"{self.name} did not start:\n{said[-1000:]}")

    @property
    def pid(self):
        return self.process.pid


class Holdfast(Contender):
    name = "Holdfast"
    ours, binary = True, None
    loops, batched, routes = 1, True, 0

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
        return 'replay = "never"\nshield = "0B"' if self.bare else ""

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


class HoldfastUnbatched(Holdfast):
    name, batched = "Holdfast unbatched", False
