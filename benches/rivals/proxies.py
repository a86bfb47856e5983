"""The proxies that are compared: how each is started, what it needs, and which requests it is compared by."""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable

from rig import NGINX, free_port, nginx_conf

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLICIES = ["metadata-size", "no-bypass-client-trust", "no-skip-legal-checks", "no-skip-password-checks",
            "password-digest-needs-allowed-hasher", "sign-out-on-password-change"]
GATEWAY = pathlib.Path(os.environ.get("PORTCULLIS_PROGRAM", ROOT / "target/release/portcullis"))
LUA_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
MODULES = pathlib.Path("/usr/lib/nginx/modules")


@dataclass
class Proxy:
    """One row. `start` takes the rig and a folder, and gives the process, its port and, if it is cut short, its log."""
    name: str
    title: str
    install: str
    version: Callable
    start: Callable
    # of `judged`, `passed` (an operation that is not inspected) and `refused`
    workloads: tuple = ("judged",)
    log: str = field(default="", kw_only=True)


def output(*command):
    """The first line that a command prints, or `None` if there is no such command."""
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return ((result.stdout + result.stderr).strip().splitlines() or [""])[0]


def number(*command):
    """The version that a command prints."""
    found = re.search(r"\d+\.\d+[.\w]*", output(*command) or "")
    return found and found[0]


def gateway(access, exports):
    def start(rig, folder):
        port, (scheme, upstream) = free_port(), rig.upstream()
        tls = f", tls: {{ certificateFile: {rig.certificate}, privateKeyFile: {rig.key} }}" if rig.tls == "down" else ""
        trust = f", caFile: {rig.ca}" if rig.tls == "up" else ""
        file = folder / "gateway.yaml"
        file.write_text(f"""apiVersion: portcullis/v1
kind: Gateway
listen: [{{ address: "127.0.0.1:{port}"{tls} }}]
upstream: {{ url: "{scheme}://127.0.0.1:{upstream}"{trust} }}
admin: {{ listen: "off" }}
workers: {rig.workers}
policies: [{", ".join(str(ROOT / "policies" / f"{policy}.yaml") for policy in POLICIES)}]
logs: {{ access: "{access}", level: error }}
""")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PORTCULLIS_"))}
        if exports:
            environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{rig.collector}", "OTEL_LOGS_EXPORTER": "none",
                            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        with open(folder / "access.log", "ab") as log:
            return rig.start([GATEWAY, "run", "--config", file], port, env=environment, stdout=log), port
    return start


def gateway_version():
    commit = output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    return GATEWAY.exists() and f"{number(str(GATEWAY), '--version')} ({commit})"


def nginx(lua):
    def start(rig, folder):
        port, (scheme, upstream) = free_port(), rig.upstream()
        listen = f"listen 127.0.0.1:{port} backlog=4096{' ssl' if rig.tls == 'down' else ''};"
        certificates = f"ssl_certificate {rig.certificate}; ssl_certificate_key {rig.key};" if rig.tls == "down" else ""
        trust = (f"proxy_ssl_protocols TLSv1.3; proxy_ssl_verify on; proxy_ssl_trusted_certificate {rig.ca}; proxy_ssl_name localhost;"
                 if rig.tls == "up" else "")
        modules = "".join(f"load_module {MODULES / module};" for module in LUA_MODULES) if lua else ""
        init = f"""lua_package_path "{HERE}/config/?.lua;;"; init_by_lua_block {{ check, cjson = require "check", require "cjson" }}"""
        check = """access_by_lua_block {
            ngx.req.read_body()
            local body = ngx.req.get_body_data()
            local refusal = body and check(body, cjson.decode)
            if refusal then
                ngx.status = 422
                ngx.header.content_length = #refusal
                ngx.print(refusal)
                return ngx.exit(422)
            end
        }"""
        command = nginx_conf(folder, modules, f"""{init if lua else ""}
upstream bapi {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; keepalive_timeout 1h; }}
server {{ {listen} {certificates}
  location / {{ {check if lua else ""} proxy_pass {scheme}://bapi; proxy_http_version 1.1; proxy_set_header Connection ""; {trust} }} }}""",
                             rig.workers)
        return rig.start(command, port), port
    return start


def nginx_version():
    return number(NGINX, "-v")


def lua_version():
    cjson = any(pathlib.Path("/usr/lib").glob("*/lua/5.1/cjson.so"))
    return nginx_version() and cjson and all((MODULES / module).exists() for module in LUA_MODULES) and f"{nginx_version()} with LuaJIT"


def haproxy(rig, folder):
    port, (_, upstream) = free_port(), rig.upstream()
    (folder / "both.pem").write_text(rig.certificate.read_text() + rig.key.read_text())
    listen = f" ssl crt {folder}/both.pem" if rig.tls == "down" else ""
    trust = f" ssl verify required ca-file {rig.ca} verifyhost localhost ssl-min-ver TLSv1.3" if rig.tls == "up" else ""
    (folder / "haproxy.cfg").write_text(f"""global
  nbthread {rig.workers}
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend f
  bind 127.0.0.1:{port}{listen}
  default_backend b
backend b
  server s 127.0.0.1:{upstream} pool-max-conn 512{trust}
""")
    return rig.start([shutil.which("haproxy"), "-db", "-f", folder / "haproxy.cfg"], port), port


BUILD = "cargo build --release"
PROXIES = [
    Proxy("portcullis-on", "Portcullis, everything on", BUILD, gateway_version, gateway("stdout", True), ("judged", "passed", "refused"),
          log="access.log"),
    Proxy("portcullis-log", "Portcullis, log only", BUILD, gateway_version, gateway("stdout", False), ("judged", "refused"), log="access.log"),
    Proxy("portcullis-off", "Portcullis, telemetry off", BUILD, gateway_version, gateway("off", False), ("judged", "passed", "refused")),
    Proxy("nginx", "nginx `proxy_pass`", "apt-get install nginx-light", nginx_version, nginx(False), ("judged", "passed")),
    Proxy("nginx-lua", "nginx + Lua check", "apt-get install nginx-light libnginx-mod-http-lua lua-cjson", lua_version, nginx(True),
          ("judged", "refused")),
    Proxy("haproxy", "haproxy", "apt-get install haproxy", lambda: number("haproxy", "-v"), haproxy),
]
