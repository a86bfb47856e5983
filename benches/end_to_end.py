#!/usr/bin/env python3
"""CPU per request of the gateway beside nginx's bare `proxy_pass`, in one run: everything on, everything off (no access
log, no traces), with a collector that is dead, and with the lines of the log as OTLP log records besides.

    cargo build --release && benches/end_to_end.py

Needs nginx and wrk (Debian: nginx-light wrk). The proxy under test has core 0 to itself; load, upstream and collector
share core 1. What is told is the proxy's own CPU time (user and system, of all its threads) divided by the requests that
it answered. Rounds are interleaved; the median counts. That figure still moves with what else the machine does, so that
ratios are taken of two proxies that share the core at the same time, each with a load of its own: what disturbs one
disturbs the other.
"""
import http.server
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BODY = json.dumps({
    "first_name": "Ada", "last_name": "Lovelace", "username": "ada", "password": "correct horse battery",
    "sign_out_of_other_sessions": True, "notify_primary_email_address_changed": False, "delete_self_enabled": True,
    "create_organization_enabled": True, "locale": "en-GB", "external_id": "customer-000000000000000042",
}, separators=(",", ":"))
POLICIES = ["metadata-size", "no-bypass-client-trust", "no-skip-legal-checks", "no-skip-password-checks",
            "password-digest-needs-allowed-hasher", "sign-out-on-password-change"]
ROUNDS, SECONDS, CONNECTIONS = int(os.environ.get("ROUNDS", 4)), int(os.environ.get("SECONDS", 5)), 32
PAIRS, PAIR_SECONDS = int(os.environ.get("PAIRS", 12)), 2


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def start(core, command, **options):
    return subprocess.Popen(["taskset", "-c", str(core), *command], **options)


def wait_for(port, seconds=10, process=None):
    for _ in range(seconds * 20):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if process and process.poll() is not None:
                sys.exit("the program ended before it listened")
            time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def nginx(folder, core, port, location, events="worker_connections 1024;", listen="reuseport"):
    folder.mkdir()
    (folder / "nginx.conf").write_text(f"""
        daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
        events {{ {events} }}
        http {{
          access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
          uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 100000000; default_type application/json;
          {location[0]}
          server {{ listen 127.0.0.1:{port} {listen}; location / {{ {location[1]} }} }}
        }}""")
    process = start(core, ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    wait_for(port)
    return process


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans and forgets them. Keeps connections open, as collectors do."""
    protocol_version = "HTTP/1.1"
    received = 0

    def do_POST(self):
        Collector.received += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])


def begin_load(port, script, seconds, connections=CONNECTIONS, cores="1"):
    return subprocess.Popen(["taskset", "-c", cores, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script,
                             f"http://127.0.0.1:{port}/v1/users/user_1"], stdout=subprocess.PIPE, text=True)


def answered(wrk):
    """Requests answered, and the p99; anything but 2xx is an error."""
    out = wrk.communicate()[0]
    if wrk.returncode or "Non-2xx" in out:
        sys.exit(out)
    return int(re.search(r"(\d+) requests in", out)[1]), re.search(r"^\s+99%\s+(\S+)", out, re.M)[1]


def load(port, script, connections=CONNECTIONS):
    return answered(begin_load(port, script, SECONDS, connections))


def costs_at_once(pair, script, connections=CONNECTIONS):
    """The CPU seconds of a request, and the p99, of each of two proxies while both are under load."""
    costs, tails = [], []
    before = [cpu_seconds(proxy) for proxy, *_ in pair]
    loads = [begin_load(port, script, PAIR_SECONDS, connections) for _, port, *_ in pair]
    for (proxy, *_), start_of_it, wrk in zip(pair, before, loads):
        requests, p99 = answered(wrk)
        costs.append((cpu_seconds(proxy) - start_of_it) / requests)
        tails.append(milliseconds(p99))
    return costs, tails


def configuration(folder, name, access):
    """A configuration with six of the policies that ship: limits would refuse a load like this, as they should."""
    file, policies = folder / f"{name}.yaml", ", ".join(str(ROOT / "policies" / f"{policy}.yaml") for policy in POLICIES)
    file.write_text(f"apiVersion: portcullis/v1\nkind: Gateway\npolicies: [{policies}]\nlogs: {{ access: {access} }}\n")
    return file


def patch_script(folder):
    """A script by which wrk sends the request."""
    script = folder / "patch.lua"
    script.write_text(f"""wrk.method = "PATCH"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk_live_portcullis"
wrk.headers["Clerk-API-Version"] = "2026-05-12"
wrk.body = [[{BODY}]]""")
    return script


def milliseconds(text):
    """A time as wrk writes it, such as `812.00us` or `1.40ms`."""
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|m|h)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}[unit]


def middle(ratios):
    error = statistics.stdev(ratios) / len(ratios) ** 0.5
    return f"{statistics.median(ratios):.3f}, mean {statistics.mean(ratios):.3f} +- {error:.3f}"


def tell_ratio(figures, one, other, script):
    """Which of the two is loaded first, by a moment, takes turns."""
    costs, tails = [], []
    for turn in range(PAIRS):
        names = [one, other] if turn % 2 else [other, one]
        for ratios, values in zip((costs, tails), costs_at_once([figures[name] for name in names], script)):
            ratios.append(values[0] / values[1] if turn % 2 else values[1] / values[0])
    print(f"ratio    {one} to {other}: CPU {middle(costs)}; p99 {middle(tails)}", flush=True)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-bench-"))
    script = patch_script(folder)
    origin, bare = free_port(), free_port()
    answer = json.dumps({"id": "user_1", "object": "user", "first_name": "Ada", "padding": "x" * 900})
    running = [nginx(folder / "origin", 1, origin, ("", f"return 200 '{answer}';"))]
    running.append(nginx(folder / "bare", 0, bare, (
        f"upstream bapi {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 100000000; }}",
        'proxy_pass http://bapi; proxy_http_version 1.1; proxy_set_header Connection "";')))
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    os.sched_setaffinity(0, {1})
    on, off = configuration(folder, "on", "stdout"), configuration(folder, "off", "off")
    alive, dead = f"http://127.0.0.1:{collector.server_port}", f"http://127.0.0.1:{free_port()}"
    spans, records = {"OTEL_LOGS_EXPORTER": "none"}, {}
    variants = {"everything on": (on, alive, spans), "everything off": (off, None, {}), "dead collector": (on, dead, spans),
                "log records too": (on, alive, records)}
    figures = {"nginx proxy_pass, bare": (running[1], bare, [], [])}
    for name, (config, endpoint, variables) in variants.items():
        gateway, admin = free_port(), free_port()
        environment = {**os.environ, "PORTCULLIS_LISTEN": f"127.0.0.1:{gateway}", "PORTCULLIS_ADMIN_LISTEN": f"127.0.0.1:{admin}",
                       "PORTCULLIS_UPSTREAM": f"http://127.0.0.1:{origin}", **variables,
                       **({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {})}
        with open(folder / f"{name}.log", "w") as log:
            running.append(start(0, [str(ROOT / "target/release/portcullis"), "run", "--config", str(config)],
                                 env=environment, stdout=log, stderr=subprocess.DEVNULL))
        wait_for(gateway)
        figures[name] = (running[-1], gateway, [], [])
        if name == "everything on":
            process, admin_of_it = running[-1], admin
            rest = resident_kib(process)
    try:
        for _, port, *_ in figures.values():
            load(port, script)
        for turn in range(ROUNDS):
            for name, (proxy, port, rounds, tails) in figures.items():
                before = cpu_seconds(proxy)
                requests, p99 = load(port, script)
                rounds.append((cpu_seconds(proxy) - before) / requests * 1e6)
                tails.append(milliseconds(p99))
                print(f"round {turn + 1}  {name:<24} {rounds[-1]:6.1f} us CPU a request  {requests / SECONDS:8.0f}/s  p99 {p99}", flush=True)
        medians = {name: statistics.median(rounds) for name, (*_, rounds, _) in figures.items()}
        for name, (*_, tails) in figures.items():
            print(f"median   {name:<24} {medians[name]:6.1f} us CPU a request  p99 {statistics.median(tails):.2f} ms")
        for name in ["everything on", "log records too", "dead collector", "nginx proxy_pass, bare"]:
            tell_ratio(figures, name, "everything off", script)
        tell_ratio(figures, "dead collector", "everything on", script)
        tell_ratio(figures, "everything on", "nginx proxy_pass, bare", script)
        print(f"resident {rest / 1024:.1f} MiB at rest, {resident_kib(process) / 1024:.1f} MiB after the load")
        print(f"body     {len(BODY)} bytes; exported: {Collector.received} bytes; log: {(folder / 'everything on.log').stat().st_size} bytes")
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{admin_of_it}/metrics").read().decode()
        for line in metrics.splitlines():
            if "dropped" in line and not line.startswith("#"):
                print(f"metric   {line}")
    finally:
        for process in running:
            process.terminate()


if __name__ == "__main__":
    main()
