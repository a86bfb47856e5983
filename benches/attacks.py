#!/usr/bin/env python3
"""What attacks on memory take, what they cost others, and what a reload of many policies costs new connections.

    cargo build --release && benches/attacks.py

Needs nginx and wrk (Debian: nginx-light wrk). For each attack: the peak of resident memory with `limits.memoryBytes` of 128 MiB,
what is left of it 20 s after the attack, and the p99 of ordinary load from another address, alone and beside the attack: of
requests that are forwarded, and of ones that a policy refuses, which need no upstream. Load, upstream and attacker share
core 1; the gateway has core 0.
"""
import http.client
import multiprocessing
import os
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import POLICIES, ROOT, begin_load, free_port, milliseconds, nginx, patch_script, start, wait_for  # noqa: E402

BUDGET = 128 * 1024 * 1024
HEAD = ("{} /v1/users{} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer sk_live_portcullis\r\n{}\r\n")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def references(stream, fields, flags):
    """A head in HTTP/2 whose fields are references to one entry of the table, each a byte long."""
    return frame(1, flags, stream, b"\x83\x86\x04\x05/v1/x\x01\x01a\x40\x01a\x01b" + b"\xbe" * fields)


def upstream(folder):
    """The process and its port. It sends 2 MiB for the list of users, else little."""
    long, port = folder / "long", free_port()
    long.write_bytes(b"x" * (2 * 1024 * 1024))
    # small buffers, and all new connections at once: what it takes to send 2 MiB must not be what delays the load
    return nginx(folder / "origin", 1, port, ("", f"location = /v1/users {{ alias {long}; }} return 200 '{{}}';"),
                 "worker_connections 30000; multi_accept on;", "sndbuf=65536 backlog=4096"), port


def memory(process, key):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(key + r":\s+(\d+)", status)[1]) / 1024


def connect(port, narrow=False):
    client = socket.socket()
    if narrow:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(2)
    client.bind(("127.0.0.2", 0))
    client.connect(("127.0.0.1", port))
    return client


def table_references(port):
    for fields in (90, 900):
        for _ in range(100):
            client = connect(port)
            client.sendall(PREFACE + b"".join(references(number * 2 + 1, fields, 4) for number in range(100)))
            yield client


def half_heads(port):
    for number in range(9_500):
        client = connect(port)
        client.sendall(PREFACE + references(1, 900, 0) if number % 3 == 0
                       else b"GET /v1/users HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 30_000)
        yield client


def unread_responses(port):
    for _ in range(9_000):
        client = connect(port, narrow=True)
        client.sendall(HEAD.format("GET", "", "").encode())
        yield client


def endless_bodies(port):
    body = b"[" + b"1," * 124_000
    for _ in range(1_000):
        client = connect(port)
        client.sendall(HEAD.format("PATCH", "/user_1", "Content-Length: 250000\r\n").encode())
        client.sendall(body)
        yield client


def load(port, scripts, seconds=5):
    """The p99 in milliseconds of the load of each script, all at once."""
    loads = [begin_load(port, script, seconds, 4) for script in scripts]
    outs = [load.communicate()[0] for load in loads]
    refused = [re.search(r"Non-2xx or 3xx responses: (\d+)", out) for out in outs]
    if refused[0]:
        print(f"{refused[0][1]} of the ordinary load were not served")
    return [milliseconds(re.search(r"^\s+99%\s+(\S+)", out, re.M)[1]) for out in outs]


def launch_all(launch, port, pipe):
    """Makes all the attackers that the gateway accepts and keeps them until it is to stop. Runs in a process of its own: its work
    must not hold up what measures."""
    clients, attackers, refused = [], launch(port), 0
    while refused < 20_000 and not pipe.poll():
        try:
            clients.append(next(attackers))
        except StopIteration:
            break
        except OSError:
            # a connection that was not accepted ends the generator: the attack goes on with what is left of it
            refused += 1
            attackers = launch(port)
    pipe.send(len(clients))
    pipe.recv()


def gateway(folder, origin, policies):
    ports = free_port(), free_port()
    file = folder / "gateway.yaml"
    file.write_text(f"""apiVersion: portcullis/v1
kind: Gateway
listen: 127.0.0.1:{ports[0]}
admin: {{ listen: 127.0.0.1:{ports[1]} }}
upstream: {{ url: "http://127.0.0.1:{origin}" }}
logs: {{ access: off, level: error }}
limits: {{ memoryBytes: {BUDGET} }}
policies: [{policies}]
""")
    process = start(0, [os.environ.get("PORTCULLIS_PROGRAM", str(ROOT / "target/release/portcullis")), "run", "--config", str(file)],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(ports[0])
    return process, *ports


def attack(folder, origin, scripts, launch):
    policies = ", ".join(str(ROOT / "policies" / f"{policy}.yaml") for policy in POLICIES)
    process, port, admin = gateway(folder, origin, policies)
    pipe, other = multiprocessing.Pipe()
    attacker = multiprocessing.Process(target=launch_all, args=(launch, port, other), daemon=True)
    try:
        alone = load(port, scripts)
        attacker.start()
        time.sleep(1)
        beside = load(port, scripts, 10)
        pipe.poll(60)
        peak = memory(process, "VmHWM")
        pipe.send(None)
        clients = pipe.recv()
        attacker.join()
        for _ in range(20):
            time.sleep(1)
            probe = http.client.HTTPConnection("127.0.0.1", admin)
            probe.request("GET", "/livez")
            probe.getresponse().read()
        print(f"{launch.__name__:<18} {clients} clients: at most {peak:.0f} MiB resident, {memory(process, 'VmRSS'):.0f} MiB 20 s "
              f"later; p99 of ordinary load {alone[0]:.2f} ms alone, {beside[0]:.2f} ms beside it; of refused requests {alone[1]:.2f} ms "
              f"alone, {beside[1]:.2f} ms beside it", flush=True)
    finally:
        attacker.kill()
        process.terminate()
        process.wait()


def reload(folder, origin):
    """What a new connection and request take while 300 policies are loaded again and again."""
    source = (ROOT / "policies" / "no-skip-password-checks.yaml").read_text()
    many = folder / "many"
    many.mkdir()
    for number in range(300):
        (many / f"p{number}.yaml").write_text(source.replace("name: no-skip-password-checks", f"name: p{number}"))
    process, port, _ = gateway(folder, origin, str(many))
    times = {"alone": [], "beside": []}
    body = b'{"first_name":"a"}'
    try:
        for name in times:
            for at in range(1000):
                if name == "beside" and at % 50 == 0:
                    process.send_signal(signal.SIGHUP)
                began = time.perf_counter()
                with connect(port) as client:
                    client.sendall(HEAD.format("PATCH", "/user_1", f"Content-Length: {len(body)}\r\n").encode() + body)
                    if not client.recv(65536).startswith(b"HTTP/1.1 200"):
                        sys.exit("not served during a reload")
                times[name].append((time.perf_counter() - began) * 1e3)
                time.sleep(0.005)
        p99 = {name: statistics.quantiles(all, n=100)[98] for name, all in times.items()}
        print(f"reload             300 policies: a new connection and request p99 {p99['alone']:.1f} ms alone, "
              f"{p99['beside']:.1f} ms while they are loaded")
    finally:
        process.terminate()
        process.wait()


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-attacks-"))
    script = patch_script(folder)
    refused = folder / "refused.lua"
    refused.write_text(re.sub(r"wrk.body = .*", 'wrk.body = [[{"skip_password_checks":true}]]', script.read_text()))
    scripts = script, refused
    os.sched_setaffinity(0, {1})
    server, origin = upstream(folder)
    try:
        reload(folder, origin)
        for launch in (table_references, half_heads, unread_responses, endless_bodies):
            attack(folder, origin, scripts, launch)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
