#!/usr/bin/env python3
"""What a request costs the gateway with HTTP/2 and with HTTP/1.1 towards an upstream that has both, over TLS 1.3.

    cargo build --release && benches/upstream_http2.py [PROGRAM]

Needs nginx, wrk, openssl and valgrind. For each kind of request, at 1 and 32 connections: the instructions in user space, as
benches/instructions.py counts them; then the CPU time (user and system) of two gateways that share core 0 at the same time, each
with a load of its own, as in benches/end_to_end.py: the median of each, and of their ratio. Load and upstream share core 1.
"""
import os
import pathlib
import statistics
import sys
from dataclasses import replace

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "rivals")]
sys.dont_write_bytecode = True
from end_to_end import PAIRS, ROOT, configuration, costs_at_once, free_port, patch_script  # noqa: E402
from instructions import OFF, Scenario, measure, metadata  # noqa: E402
from rig import ANSWER, Rig, nginx_conf  # noqa: E402

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/portcullis")
LIST = '[' + ANSWER + (',' + ANSWER) * 63 + ']'
REQUESTS = {
    "`PATCH` of 297 bytes": Scenario(access=OFF),
    "`PATCH` of 64 KiB": Scenario(metadata(60 << 10), access=OFF),
    "`GET`, 64 KiB returned": Scenario("", access=OFF, target="GET /v1/users"),
}
VERSIONS = {"h2": "auto", "h1": "never"}


class Upstream(Rig):
    """nginx with TLS 1.3 and both versions of HTTP. It reads each body to its end, because it forwards it to itself."""

    def start_upstream(self):
        self.secure, self.closing, plain, folder = free_port(), free_port(), free_port(), self.folder / "upstream"
        tls = f"ssl_protocols TLSv1.3; ssl_certificate {self.certificate}; ssl_certificate_key {self.key};"
        (folder / "v1").mkdir(parents=True)
        (folder / "v1/users").write_text(LIST)
        self.start(nginx_conf(folder, "", f"""client_max_body_size 1m; proxy_http_version 1.1; proxy_set_header Connection "";
upstream itself {{ server 127.0.0.1:{plain}; keepalive 64; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{plain} backlog=4096; location / {{ return 200 '{ANSWER}'; }} }}
server {{ listen 127.0.0.1:{self.secure} ssl http2 backlog=4096; {tls}
  root {folder}; location / {{ proxy_pass http://itself; }} location = /v1/users {{ }} }}
server {{ listen 127.0.0.1:{self.closing} ssl; {tls} keepalive_timeout 0; location / {{ proxy_pass http://itself; }} }}"""),
                   self.secure, self.load_cores)

    def section(self, http2, port=None):
        """The section of a configuration."""
        return f'{{ url: "https://127.0.0.1:{port or self.secure}", caFile: {self.ca}, http2: {http2} }}'

    def gateway(self, version, http2):
        """A gateway before it, as `costs_at_once` takes it."""
        port, file = free_port(), configuration(self.folder, version, '"off"')
        file.write_text(file.read_text() + f'upstream: {self.section(http2)}\nadmin: {{ listen: "off" }}\nlisten: 127.0.0.1:{port}\nworkers: 1\n')
        return self.start([PROGRAM, "run", "--config", file], port), port


def script_of(request, folder, number):
    """The script by which wrk sends a request. It names no version, as the newest one has no metadata in this operation."""
    file, (method, path) = folder / f"request-{number}.lua", request.target.split()
    lines = [line for line in patch_script(folder).read_text().splitlines() if "Content-Type" in line or "Authorization" in line]
    file.write_text("\n".join([f'wrk.method = "{method}"', f'wrk.path = "{path}"', *lines, f"wrk.body = [[{request.body}]]"]))
    return file


def main():
    os.sched_setaffinity(0, {1})
    with Upstream("up", 1, ("0", "1")) as upstream:
        gateways = [upstream.gateway(version, http2) for version, http2 in VERSIONS.items()]
        print("| request | connections | instructions, h2 | h1 | h1 / h2 | CPU, h2 | h1 | h1 / h2 |\n" + "| --- " * 8 + "|")
        for number, (kind, request) in enumerate(REQUESTS.items()):
            script = script_of(request, upstream.folder, number)
            for connections in (1, 32):
                counted = replace(request, clients=connections)
                h2, h1 = (measure(PROGRAM, counted, upstream.section(http2)) for http2 in VERSIONS.values())
                costs_at_once(gateways, script, connections)
                pairs = []
                for turn in range(PAIRS):
                    # which of the two is loaded first takes turns
                    step = 1 if turn % 2 else -1
                    pairs.append(costs_at_once(gateways[::step], script, connections)[0][::step])
                us = [statistics.median(costs) * 1e6 for costs in zip(*pairs)]
                ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
                print(f"| {kind} | {connections} | {h2:,} | {h1:,} | {h1 / h2:.2f} | {us[0]:.1f} us | {us[1]:.1f} us | {ratio:.2f} |", flush=True)
        kept, new = (measure(PROGRAM, Scenario(access=OFF), upstream.section("never", port)) for port in (upstream.secure, upstream.closing))
        print(f"a new connection takes {new - kept:,} instructions")


if __name__ == "__main__":
    main()
