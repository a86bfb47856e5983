#!/usr/bin/env python3
"""Instructions in user space for a request, counted by callgrind: the same on a busy machine and on a quiet one.

    cargo build --release && benches/instructions.py [PROGRAM]     the counts, beside those of the baseline
    benches/instructions.py --check [PROGRAM]                      fails if one has grown by more than 5 %; says so and compares
                                                                   nothing if other tools made the baseline
    benches/instructions.py --accept [PROGRAM]                     makes them the baseline
    benches/instructions.py --layers [PROGRAM]                     the share of each layer in a judged request

Needs valgrind, which shows every program the same processor. One worker, eight connections, the six policies of end_to_end.py;
the count of 2,400 requests less that of 400.
"""
import argparse
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import BODY, Collector, POLICIES, ROOT, free_port, wait_for  # noqa: E402
from upstream import Upstream  # noqa: E402

ANSWER = b'{"id":"user_1"}'
BASELINE = ROOT / "benches/instructions.json"
FEW, MANY, CLIENTS = 400, 2400, 8
# growth of a count that .ci/run refuses
MOST_GROWTH = 0.05
DECIDE = "portcullis::judge::decide::decide"


def metadata(size):
    """A body of about this size, filled with members of `public_metadata`."""
    body, fill = json.loads(BODY), {}
    while len(json.dumps({**body, "public_metadata": fill}, separators=(",", ":"))) < size:
        fill[f"key{len(fill)}"] = f"value {len(fill)}"
    return json.dumps({**body, "public_metadata": fill}, separators=(",", ":"))


LOG, OFF = "{ file: access.log }", '"off"'
REFUSED = json.dumps({"password": "correct horse battery", "skip_password_checks": True})


@dataclass(frozen=True)
class Scenario:
    """What is sent, by how many connections, and by which configuration it is judged."""
    body: str = BODY
    status: int = 200
    access: str = LOG
    has_spans: bool = False
    # the function that alone is counted
    function: str | None = None
    target: str = "PATCH /v1/users/user_1"
    clients: int = CLIENTS
    policies: tuple = tuple(ROOT / "policies" / f"{policy}.yaml" for policy in POLICIES)

    def request(self, port):
        # the shipped policies refuse in production only
        key = "sk_test_portcullis" if self.status == 200 else "sk_live_portcullis"
        return (f"{self.target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Type: application/json\r\nUser-Agent: bench/1.0\r\nContent-Length: {len(self.body)}\r\n\r\n{self.body}").encode()

    def rounds(self, requests):
        """How often each connection sends one for about as many."""
        return requests // self.clients


SCENARIOS = {
    "judged, 300 B, everything on": Scenario(has_spans=True),
    "judged, 300 B, log only": Scenario(),
    "judged, 300 B, everything off": Scenario(access=OFF),
    "refused, log only": Scenario(REFUSED, 422),
    "judged, 4 KiB, log only": Scenario(metadata(4 << 10)),
    "judged, 64 KiB, log only": Scenario(metadata(60 << 10)),
    "the judge alone, 300 B": Scenario(function=DECIDE),
}
# Each: a layer, and a pattern of the functions that it consists of; the first that fits counts.
LAYERS = {
    "judge": r"portcullis::(judge|document|policy|cel|decimal)|portcullis::contract::(body|compiled|confus|field|document|valid)|jsonschema",
    "admission and routing": r"portcullis::(contract|gateway::layers::admit|redact|head)|portcullis::server::head",
    "record, log, metrics, spans": r"portcullis::telemetry|prometheus|otlp",
    "other layers of the gateway": r"portcullis::(gateway|budget)",
    "connections": r"portcullis::(server|upstream|transport)",
    "hyper and http": r"hyper|httparse|http::|http_body|bytes::",
    "tokio and timers": r"tokio|pingora|mio|Timespec|timer",
    "memory: copies": r"memcpy|memmove|memset",
    "memory: allocator": r"^_?mi_|alloc::raw_vec",
}


def tools():
    """What counts depend on besides the program: the compiler, valgrind, and the C library with its copies of memory."""
    versions = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
                for command in (["rustc", "--version"], ["valgrind", "--version"], ["getconf", "GNU_LIBC_VERSION"])]
    return ", ".join([*versions, os.uname().machine])


def count(program, scenario, upstream, rounds, profile=None):
    """The instructions of a process that answers as many requests on each connection. `upstream` is the section of its configuration."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        file = folder / "gateway.yaml"
        file.write_text(f"""apiVersion: portcullis/v1
kind: Gateway
listen: 127.0.0.1:{port}
upstream: {upstream}
admin: {{ listen: "off" }}
workers: 1
policies: [{", ".join(map(str, scenario.policies))}]
logs: {{ access: {scenario.access.replace("access.log", f"{folder}/access.log")} }}
""")
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector()}"} if scenario.has_spans else {}
        options = [f"--callgrind-out-file={profile or folder / 'profile'}",
                   *([f"--toggle-collect={scenario.function}"] if scenario.function else [])]
        command = [program, "run", "--config", str(file)]
        return collected(command, options, folder, port, lambda: send(port, scenario, rounds), environment)


def collected(command, options, folder, port, load, environment):
    """The instructions of a command that listens on a port, under a load."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PORTCULLIS_"))}
    with open(folder / "errors", "w") as errors:
        process = subprocess.Popen(["valgrind", "--tool=callgrind", *options, *map(str, command)], stderr=errors,
                                   stdout=subprocess.DEVNULL, env=variables | environment)
    try:
        wait_for(port, 60, process)
    except SystemExit:
        print((folder / "errors").read_text(), file=sys.stderr)
        raise
    load()
    process.terminate()
    process.wait()
    return int(re.search(r"Collected : (\d+)", (folder / "errors").read_text())[1])


def collector():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def send(port, scenario, rounds):
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(scenario.clients)]
    request = scenario.request(port)
    for _ in range(rounds):
        for client in clients:
            client.sendall(request)
        for client in clients:
            expect(client, scenario.status)


def expect(client, status):
    read = b""
    while b"\r\n\r\n" not in read or len(read) < whole(read):
        part = client.recv(65536)
        if not part:
            sys.exit(f"closed after {read!r}")
        read += part
    if not read.startswith(b"HTTP/1.1 %d" % status):
        sys.exit(f"not {status}: {read!r}")


def whole(response):
    """The length of a response, by its head."""
    head = response.index(b"\r\n\r\n") + 4
    return head + int(re.search(rb"content-length: (\d+)", response[:head].lower())[1])


def measure(program, scenario, upstream):
    few, many = (scenario.rounds(requests) for requests in (FEW, MANY))
    grown = count(program, scenario, upstream, many) - count(program, scenario, upstream, few)
    each = round(grown / (many - few) / scenario.clients)
    if not each:
        sys.exit(f"`{scenario.function}` is not in the symbols of {program}: build with CARGO_PROFILE_RELEASE_STRIP=none")
    return each


def print_layers(program, upstream):
    """The instructions of each function by the layer that it belongs to."""
    def profile(requests):
        scenario = SCENARIOS["judged, 300 B, log only"]
        with tempfile.NamedTemporaryFile() as out:
            count(program, scenario, upstream, scenario.rounds(requests), out.name)
            lines = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", out.name], capture_output=True, text=True).stdout
        functions = re.findall(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(\S.*?)(?: \[.*)?$", lines, re.M)
        return [(int(number.replace(",", "")), function) for number, function in functions]

    sums = dict.fromkeys([*LAYERS, "the rest"], 0)
    for sign, requests in ((-1, FEW), (1, MANY)):
        for number, function in profile(requests):
            layer = next((layer for layer, pattern in LAYERS.items() if re.search(pattern, function)), "the rest")
            sums[layer] += sign * number
    total = sum(sums.values())
    for layer, number in sorted(sums.items(), key=lambda entry: -entry[1]):
        print(f"| {layer} | {number / (MANY - FEW):,.0f} | {number / total:.0%} |")
    print(f"| all | {total / (MANY - FEW):,.0f} | |")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", nargs="?", default=str(ROOT / "target/release/portcullis"))
    for flag in ("check", "accept", "layers"):
        arguments.add_argument(f"--{flag}", action="store_true")
    arguments = arguments.parse_args()
    upstream = f'{{ url: "http://127.0.0.1:{Upstream(lambda _: ANSWER).port}" }}'
    if arguments.layers:
        return print_layers(arguments.program, upstream)
    baseline = json.loads(BASELINE.read_text())
    if arguments.check and baseline["tools"] != tools():
        return print(f"NOT COMPARED: the baseline is of {baseline['tools']}; this is {tools()}")
    baseline, counts, grown = baseline["counts"], {}, []
    for name, scenario in SCENARIOS.items():
        counts[name] = measure(arguments.program, scenario, upstream)
        growth = counts[name] / baseline[name] - 1 if name in baseline else 0
        print(f"{name:32} {counts[name]:>10,} {growth:+.1%}", flush=True)
        if growth > MOST_GROWTH or name not in baseline:
            grown.append(name)
    if arguments.accept:
        BASELINE.write_text(json.dumps({"tools": tools(), "counts": counts}, indent=2) + "\n")
    elif arguments.check and grown:
        sys.exit(f"more than {MOST_GROWTH:.0%} above benches/instructions.json: {'; '.join(grown)}\n"
                 "Make it cheaper. If the growth is meant, run `benches/instructions.py --accept`, and write why in the commit.")


if __name__ == "__main__":
    main()
