"""The peers of bench/proxy: one worker each, equal work (log, X-Forwarded-For, kept-alive origin), and variants of theirs that
are measured in single rows. HOLDFAST_HAPROXY and HOLDFAST_NGINX name newer binaries, which then run beside the distribution's."""
import os
import subprocess

from common import version_line
from common_contender import Contender

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


class Haproxy(Contender):
    name, binary = "HAProxy", "haproxy"
    more_global, more_relay = "", ""

    def version(self):
        return version_line([self.binary, "-v"])

    def argv(self):
        log = "log stdout format raw local0" if self.log else ""
        path = self.work.write(f"{self.slug}.cfg", f"""
global
  nbthread 1
  maxconn {self.clients}
  no strict-limits
  {self.more_global}
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
listen bulk
  bind 127.0.0.1:{self.bulk} backlog 4096
  {"option httplog" if self.log else ""}
  server a 127.0.0.1:{self.bulk_origin} check inter 1s
listen relay
  mode tcp
  {self.more_relay}
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
        return [self.binary, "-db", "-f", path]


class HaproxySplice(Haproxy):
    """TCP through pipes in the kernel."""
    name = "HAProxy splice"
    more_relay = "option splice-request\n  option splice-response"


class HaproxyLarge(Haproxy):
    """Buffers of 128 KiB instead of 16."""
    name = "HAProxy 128K"
    more_global = "tune.bufsize 131072"


class Nginx(Contender):
    name, binary = "nginx", "nginx"

    def version(self):
        return version_line([self.binary, "-v"])

    def argv(self):
        built_in = "--with-stream " in subprocess.run([self.binary, "-V"], capture_output=True, text=True).stderr
        module = not built_in and self.binary == "nginx" and os.path.exists(STREAM_MODULE)
        self.tcp_works = built_in or module
        load = f"load_module {STREAM_MODULE};" if module else ""
        log = f"access_log {self.work.dir}/{self.slug}-access.log combined;" if self.log else "access_log off;"
        stream = f"""stream {{ server {{ listen 127.0.0.1:{self.tcp} backlog=4096;
          proxy_pass 127.0.0.1:{self.origin}; }}
  server {{ listen 127.0.0.1:{self.sql_tls} ssl backlog=4096; ssl_certificate {self.certificate};
    ssl_certificate_key {self.certificate}; ssl_protocols TLSv1.3; ssl_alpn tds/8.0;
    proxy_pass 127.0.0.1:{self.sql_tls_server}; proxy_ssl on; }}
  server {{ listen 127.0.0.1:{self.sql} backlog=4096; proxy_pass 127.0.0.1:{self.sql_server}; }} }}""" if self.tcp_works else ""
        path = self.work.write(f"{self.slug}.conf", f"""
{load}
worker_processes 1; pid {self.work.dir}/{self.slug}.pid; error_log {self.work.dir}/{self.slug}-error.log crit;
events {{ worker_connections {2 * self.clients + 4096}; }}
http {{ {log}
  keepalive_timeout 600s; keepalive_requests 1000000000; proxy_max_temp_file_size 0;
  upstream app {{ server 127.0.0.1:{self.origin}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.bulk} backlog=4096;
    location / {{ proxy_pass http://127.0.0.1:{self.bulk_origin}; }}
  }}
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
        return [self.binary, "-p", self.work.dir, "-c", path, "-g", "daemon off;"]


class NewerHaproxy(Haproxy):
    name, binary = "HAProxy newer", os.environ.get("HOLDFAST_HAPROXY")


class NewerNginx(Nginx):
    """TCP only if its stream module was built in."""
    name, binary = "nginx newer", os.environ.get("HOLDFAST_NGINX")
