"""The contenders of bench/failover, each at its best settings, with one set of timings for all."""
import signal
import socket
import subprocess
import time

from common import find_holdfast, free_port, version_line, wait_port

EVERY_MS = 250       # check interval, also while a change is being confirmed
CHECK_TIMEOUT_MS = 250
FALL = RISE = 2
CONNECT_MS = 1000
RESPONSE_MS = 5000   # server silent: the longest answer the application is allowed
# Frozen just after a check passed: FALL checks later, each of which has to time out.
DETECTION_MS = FALL * (EVERY_MS + CHECK_TIMEOUT_MS)


class Contender:
    def __init__(self, work, origins):
        self.work, self.origins, self.port = work, origins, free_port()  # origins: {"a": port, "b": port}
        self.process = None

    def ready(self):
        wait_port(self.port)
        time.sleep(RISE * EVERY_MS / 1000 + 0.5)


class Haproxy(Contender):
    name = "haproxy"
    retry_post = ""  # POST is repeated like everything else: what the words of the setting say

    def version(self):
        return version_line(["haproxy", "-v"])

    def config(self):
        server = (f"check inter {EVERY_MS}ms fastinter {EVERY_MS}ms downinter {EVERY_MS}ms fall {FALL} rise {RISE} "
                  "on-marked-down shutdown-sessions observe layer4 error-limit 1 on-error mark-down")
        return f"""
global
  maxconn 4000
  stats socket {self.work.dir}/haproxy.sock mode 600 level admin
defaults
  mode http
  option http-keep-alive
  option http-buffer-request
  option redispatch 1
  retries 3
  retry-on all-retryable-errors
  timeout connect {CONNECT_MS}ms
  timeout server {RESPONSE_MS}ms
  timeout check {CHECK_TIMEOUT_MS}ms
  timeout client 60s
  timeout http-keep-alive 60s
  timeout queue 15s
listen app
  bind 127.0.0.1:{self.port}
  {self.retry_post}
  option httpchk GET /health
  http-reuse safe
  server a 127.0.0.1:{self.origins["a"]} {server}
  server b 127.0.0.1:{self.origins["b"]} {server} backup
"""

    def start(self):
        path = self.work.write("haproxy.cfg", self.config())
        self.process = self.work.start("haproxy", "-db", "-f", path, log="haproxy.log")
        self.ready()

    def command(self, text):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.work.dir / "haproxy.sock"))
            s.sendall(text.encode() + b"\n")
            return s.recv(4096)

    def leave(self, name):
        self.command(f"set server app/{name} state drain")

    def back(self, name):
        self.command(f"set server app/{name} state ready")


class HaproxyKeyed(Haproxy):
    """The same, told to leave an unkeyed POST alone."""
    name = "haproxy, POST guarded"
    retry_post = "http-request disable-l7-retry if METH_POST !{ req.hdr(idempotency-key) -m found }"


class Nginx(Contender):
    name = "nginx"

    def version(self):
        return version_line(["nginx", "-v"])

    def config(self, first="a"):
        second = "b" if first == "a" else "a"
        again = "proxy_next_upstream error timeout http_502 http_503 http_504"
        return f"""
worker_processes 1;
pid {self.work.dir}/nginx.pid;
error_log {self.work.dir}/nginx-error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {self.work.dir}/body;
  proxy_temp_path {self.work.dir}/temp;
  client_max_body_size 8m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  proxy_buffers 8 16k;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_connect_timeout {CONNECT_MS}ms;
  proxy_read_timeout {RESPONSE_MS}ms;
  proxy_next_upstream_tries 3;
  upstream app {{
    server 127.0.0.1:{self.origins[first]} max_fails=1 fail_timeout=1s;
    server 127.0.0.1:{self.origins[second]} max_fails=1 fail_timeout=1s backup;
    keepalive 64;
  }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    error_page 418 = @keyed;
    recursive_error_pages on;
    location / {{
      if ($http_idempotency_key) {{ return 418; }}
      proxy_pass http://app;
      {again};
    }}
    location @keyed {{ proxy_pass http://app; {again} non_idempotent; }}
  }}
}}
"""

    def start(self):
        path = self.work.write("nginx.conf", self.config())
        argv = ["nginx", "-p", self.work.dir, "-c", path, "-g", "daemon off;"]
        self.process = self.work.start(*argv, log="nginx.log")
        self.ready()

    def leave(self, name):
        self.work.write("nginx.conf", self.config("b" if name == "a" else "a"))
        self.process.send_signal(signal.SIGHUP)

    def back(self, name):
        pass  # the one that left is now the backup


class Holdfast(Contender):
    name = "holdfast"
    binary = None

    def version(self):
        return version_line([self.binary, "version"])

    def config(self):
        return f"""
[process]
control-socket = "{self.work.dir}/holdfast.sock"
access-log = "{self.work.dir}/access.log"
spill-dir = "{self.work.dir}"
[listen.api]
bind = ["127.0.0.1:{self.port}"]
[service.app]
mode = "active-standby"
instances = {{ a = "127.0.0.1:{self.origins["a"]}", b = "127.0.0.1:{self.origins["b"]}" }}
[service.app.check]
get = "/health"
every = "{EVERY_MS}ms"
every-down = "{EVERY_MS}ms"
timeout = "{CHECK_TIMEOUT_MS}ms"
fall = {FALL}
rise = {RISE}
[service.app.timeouts]
connect = "{CONNECT_MS}ms"
response = "{RESPONSE_MS}ms"
[[route]]
listen = ["api"]
path = "/*"
service = "app"
deadline = "15s"
replay = "keyed"
"""

    def start(self):
        self.path = self.work.write("holdfast.toml", self.config())
        self.process = self.work.start(self.binary, "run", "-c", self.path, log="holdfast.log")
        self.ready()

    def command(self, *words):
        subprocess.run([self.binary, *words, "-c", str(self.path)], check=True, capture_output=True, timeout=10)

    def leave(self, name):
        self.command("drain", f"app/{name}")

    def back(self, name):
        self.command("ready", f"app/{name}")


CONTENDERS = {"holdfast": Holdfast, "haproxy": Haproxy, "haproxy-guarded": HaproxyKeyed, "nginx": Nginx}


def available(only, binary=None):
    Holdfast.binary = find_holdfast(binary)
    chosen = [CONTENDERS[name] for name in only.split(",")] if only else list(CONTENDERS.values())
    if Holdfast in chosen and not Holdfast.binary:
        raise SystemExit("no holdfast binary: build the release or dev preset, or give --holdfast PATH")
    return chosen
