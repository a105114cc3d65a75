"""The contenders of bench/proxy: one worker each, equal work (log, X-Forwarded-For, kept-alive origin)."""
import os
import subprocess

from common import build_tool, find_holdfast, free_port, version_line, wait_port

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def make_certificate(work):
    """An RSA 2048 certificate with its key in one file, as all three read it."""
    key, certificate, both = (work.dir / n for n in ("key.pem", "certificate.pem", "both.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=bench.test",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    both.write_text(certificate.read_text() + key.read_text())
    return both


def start_origin(work, core):
    """nginx with two static files; head and body leave in one segment (tcp_nopush)."""
    port, root = free_port(), work.dir / "www"
    root.mkdir()
    (root / "1k").write_bytes(b"x" * 1024)
    (root / "64k").write_bytes(b"x" * 65536)
    path = work.write("origin.conf", f"""
worker_processes 1; pid {work.dir}/origin.pid; error_log {work.dir}/origin-error.log crit;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_timeout 600s; keepalive_requests 1000000000;
  open_file_cache max=10;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; }} }}
""")
    work.start("nginx", "-p", work.dir, "-c", path, "-g", "daemon off;", core=core, log="origin.log")
    wait_port(port)
    return port


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
    """Listens on `http`, `tls` and `tcp`, all three to the same origin, and on `sql` and `aware` to the SQL server; only Holdfast
    understands what it relays there, on `aware` and on `sql_tls` (TLS first, on both sides)."""
    tcp_works = True

    def __init__(self, work, origin, sql_server, certificate, log, clients):
        self.work, self.origin, self.certificate, self.log, self.clients = work, origin, certificate, log, clients
        self.sql_server, self.sql_tls_server = sql_server
        self.http, self.tls, self.tcp, self.sql, self.aware, self.sql_tls = (free_port() for _ in range(6))

    def start(self, core, patience=5.0):
        self.process = self.work.start(*self.argv(), core=core, log=f"{self.name}.log")
        wait_port(self.http, patience)
        wait_port(self.tls, patience)
        if not isinstance(self, Holdfast):
            self.aware = self.sql

    @property
    def pid(self):
        return self.process.pid


class Holdfast(Contender):
    name = "Holdfast"
    binary = None

    def version(self):
        return version_line([self.binary, "version"])

    def argv(self):
        log = f'access-log = "{self.work.dir}/holdfast-access.log"' if self.log else ""
        path = self.work.write("holdfast.toml", f"""
[process]
loops = 1
control-socket = "{self.work.dir}/holdfast.sock"
spill-dir = "{self.work.dir}"
{log}
[admin]
bind = ["127.0.0.1:{free_port()}"]
[listen.http]
bind = ["127.0.0.1:{self.http}"]
timeouts = {{ idle = "10m" }}
[listen.tls]
bind = ["127.0.0.1:{self.tls}"]
tls = {{ certificate = "{self.certificate}", min-version = "1.3" }}
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
[service.relay]
instances = {{ a = "127.0.0.1:{self.origin}" }}
check = {{ tcp = true, every = "1s" }}
[[route]]
listen = ["http", "tls"]
path = "/*"
service = "app"
""")
        return [self.binary, "run", "-c", path]


class Haproxy(Contender):
    name = "HAProxy"

    def version(self):
        return version_line(["haproxy", "-v"])

    def argv(self):
        log = "log stdout format raw local0" if self.log else ""
        path = self.work.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn {self.clients}
  {log}
defaults
  mode http
  {"log global" if self.log else ""}
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend web
  bind 127.0.0.1:{self.http} backlog 4096
  bind 127.0.0.1:{self.tls} ssl crt {self.certificate} ssl-min-ver TLSv1.3 alpn http/1.1
  {"option httplog" if self.log else ""}
  option forwardfor
  default_backend app
backend app
  http-reuse always
  server a 127.0.0.1:{self.origin} check inter 1s
listen relay
  mode tcp
  bind 127.0.0.1:{self.tcp} backlog 4096
  {"option tcplog" if self.log else ""}
  server a 127.0.0.1:{self.origin} check inter 1s
listen sql-tls
  mode tcp
  bind 127.0.0.1:{self.sql_tls} ssl crt {self.certificate} ssl-min-ver TLSv1.3 alpn tds/8.0 backlog 4096
  {"option tcplog" if self.log else ""}
  server a 127.0.0.1:{self.sql_tls_server} ssl verify none alpn tds/8.0 check inter 1s
listen sql
  mode tcp
  bind 127.0.0.1:{self.sql} backlog 4096
  {"option tcplog" if self.log else ""}
  server a 127.0.0.1:{self.sql_server} check inter 1s
""")
        return ["haproxy", "-db", "-f", path]


class Nginx(Contender):
    name = "nginx"

    def version(self):
        return version_line(["nginx", "-v"])

    def argv(self):
        self.tcp_works = os.path.exists(STREAM_MODULE)
        load = f"load_module {STREAM_MODULE};" if self.tcp_works else ""
        log = f"access_log {self.work.dir}/nginx-access.log combined;" if self.log else "access_log off;"
        stream = f"""stream {{ server {{ listen 127.0.0.1:{self.tcp} backlog=4096;
          proxy_pass 127.0.0.1:{self.origin}; }}
  server {{ listen 127.0.0.1:{self.sql_tls} ssl backlog=4096; ssl_certificate {self.certificate};
    ssl_certificate_key {self.certificate}; ssl_protocols TLSv1.3; ssl_alpn tds/8.0;
    proxy_pass 127.0.0.1:{self.sql_tls_server}; proxy_ssl on; }}
  server {{ listen 127.0.0.1:{self.sql} backlog=4096; proxy_pass 127.0.0.1:{self.sql_server}; }} }}""" if self.tcp_works else ""
        path = self.work.write("nginx.conf", f"""
{load}
worker_processes 1; pid {self.work.dir}/nginx.pid; error_log {self.work.dir}/nginx-error.log crit;
events {{ worker_connections {self.clients + 4096}; }}
http {{ {log}
  keepalive_timeout 600s; keepalive_requests 1000000000;
  upstream app {{ server 127.0.0.1:{self.origin}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.http} backlog=4096;
    listen 127.0.0.1:{self.tls} ssl backlog=4096;
    ssl_certificate {self.certificate}; ssl_certificate_key {self.certificate}; ssl_protocols TLSv1.3;
    location / {{
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
{stream}
""")
        return ["nginx", "-p", self.work.dir, "-c", path, "-g", "daemon off;"]


CONTENDERS = {"holdfast": Holdfast, "haproxy": Haproxy, "nginx": Nginx}


def available(only, binary=None):
    Holdfast.binary = find_holdfast(binary)
    chosen = [CONTENDERS[name] for name in only.split(",")] if only else list(CONTENDERS.values())
    if Holdfast in chosen and not Holdfast.binary:
        raise SystemExit("no holdfast binary: build the release or dev preset, or give --holdfast PATH")
    return chosen
