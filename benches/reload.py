#!/usr/bin/env python3
"""What a start and a reload take, what a reload costs the requests beside it, and whether a thousand lose a request or keep memory.

    cargo build --release && benches/reload.py

Needs nginx and wrk (Debian: nginx-light wrk). Load and upstream share core 1; the gateway has both cores, as the reload is done on a
thread of its own. Each reload is of a change of one policy, unless another is named.

- start: from the start of the process to the first response, with the quickstart's policies and their tests.
- time: `POST /reload` with 300 policies and the shipped test beside each, and from the swap of a volume (`..data`) to the rule in
  force, by the watch of the default interval.
- beside: the p99 of load, and of a new connection and its request, alone and while the 300 policies are loaded every second.
- many: 1,000 reloads of the shipped policies under load, each by a signal: requests that failed, and resident memory.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import ROOT, begin_load, free_port, milliseconds, nginx, patch_script, resident_kib, start, wait_for  # noqa: E402

PROGRAM = os.environ.get("PORTCULLIS_PROGRAM", str(ROOT / "target/release/portcullis"))
GUARD = (ROOT / "policies/no-skip-password-checks.yaml").read_text()
TEST = (ROOT / "policies/no-skip-password-checks.test.yaml").read_text()
SECONDS, RELOADS = 20, 1000


class Gateway:
    def __init__(self, folder, name, origin, policies, more=""):
        self.folder, self.port, self.admin = folder, free_port(), free_port()
        file = folder / f"{name}.yaml"
        file.write_text(f"apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:{self.port}\nworkers: 1\n"
                        f"admin: {{ listen: 127.0.0.1:{self.admin} }}\nupstream: {{ url: 'http://127.0.0.1:{origin}' }}\n"
                        f"logs: {{ access: off }}\npolicies: [{policies}]\n{more}")
        self.log = open(folder / f"{name}.log", "w")
        self.process = start("0,1", [PROGRAM, "run", "--config", str(file)], stderr=self.log)
        wait_for(self.port, 60, self.process)

    def ask(self, method, path):
        client = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=120)
        client.request(method, path)
        return client.getresponse().read().decode()

    def revision(self):
        return json.loads(self.ask("GET", "/status"))["revision"]

    def reload(self):
        began = time.perf_counter()
        report = json.loads(self.ask("POST", "/reload"))
        if report["outcome"] != "loaded":
            sys.exit(report)
        return (time.perf_counter() - began) * 1e3

    def stop(self):
        self.process.terminate()
        self.process.wait()


def policy(name, version):
    text = GUARD.replace("name: no-skip-password-checks", f"name: {name}")
    return text.replace("message: ", f"message: version {version}, ")


def many(folder, count):
    folder.mkdir()
    for number in range(count):
        (folder / f"p{number}.yaml").write_text(policy(f"p{number}", 0))
        (folder / f"p{number}.test.yaml").write_text(TEST.replace("no-skip-password-checks", f"p{number}"))


def p99_of(wrk):
    out = wrk.communicate()[0]
    if wrk.returncode or "Non-2xx" in out or "Socket errors" in out:
        sys.exit(out)
    return int(re.search(r"(\d+) requests in", out)[1]), milliseconds(re.search(r"^\s+99%\s+(\S+)", out, re.M)[1])


def new_connections(port, seconds):
    """The p99 of a new connection with its request, in milliseconds."""
    body, times, end = b'{"first_name":"a"}', [], time.perf_counter() + seconds
    head = ("PATCH /v1/users/user_1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer sk_live_x\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    while time.perf_counter() < end:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(head + body)
            if not client.recv(65536).startswith(b"HTTP/1.1 200"):
                sys.exit("not served during a reload")
        times.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.002)
    return statistics.quantiles(times, n=100)[98]


def begin(folder, origin):
    file, taken = folder / "begin.yaml", []
    for _ in range(15):
        port = free_port()
        file.write_text(f"apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:{port}\nadmin: {{ listen: 'off' }}\n"
                        f"upstream: {{ url: 'http://127.0.0.1:{origin}' }}\nlogs: {{ access: off }}\npolicies: [{ROOT / 'policies'}]\n")
        began = time.perf_counter()
        process = start("0,1", [PROGRAM, "run", "--config", str(file)], stderr=subprocess.DEVNULL)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not client.sock:
            try:
                client.connect()
            except ConnectionRefusedError:
                time.sleep(0.001)
        client.request("GET", "/v1/users", headers={"authorization": "Bearer sk_test_portcullis"})
        client.getresponse().read()
        taken.append((time.perf_counter() - began) * 1e3)
        process.terminate()
        process.wait()
    print(f"start    the first response after: median {statistics.median(taken):.0f} ms, most {max(taken):.0f} ms")


def times(folder, origin):
    policies = folder / "three-hundred"
    many(policies, 300)
    gateway = Gateway(folder, "time", origin, policies, "reload: { watch: false }\n")
    taken = []
    try:
        for version in range(1, 12):
            (policies / "p7.yaml").write_text(policy("p7", version))
            # requests are taken up at most once a second
            time.sleep(1.1)
            taken.append(gateway.reload())
        print(f"reload   300 policies, {json.loads(gateway.ask('GET', '/status'))['tests']} cases: median {statistics.median(taken):.0f} ms, most {max(taken):.0f} ms")
        anew = []
        for version in range(100, 105):
            for number in range(300):
                (policies / f"p{number}.yaml").write_text(policy(f"p{number}", version))
            time.sleep(1.1)
            anew.append(gateway.reload())
        print(f"reload   each of the 300 changed: median {statistics.median(anew):.0f} ms, most {max(anew):.0f} ms")
        beside(gateway, policies, folder)
    finally:
        gateway.stop()


def beside(gateway, policies, folder):
    script = patch_script(folder)
    figures = {}
    for name in ("alone", "beside", "alone again", "beside again"):
        done = threading.Event()

        def reload_on_and_on():
            version = 100
            while not done.wait(1):
                version += 1
                (policies / "p7.yaml").write_text(policy("p7", f"{name} {version}"))
                gateway.process.send_signal(signal.SIGHUP)
        reloads = threading.Thread(target=reload_on_and_on if name.startswith("beside") else lambda: None)
        reloads.start()
        wrk = begin_load(gateway.port, script, SECONDS)
        _, p99 = p99_of(wrk)
        connections = new_connections(gateway.port, SECONDS)
        done.set()
        reloads.join()
        figures[name] = p99, connections
    for name, (p99, connections) in figures.items():
        print(f"beside   {name:<12} p99 of 32 connections under load {p99:.2f} ms, of new connections {connections:.2f} ms")


def swap(folder, origin):
    volume = folder / "volume"
    volume.mkdir()

    def publish(version):
        (volume / f"..{version}").mkdir()
        (volume / f"..{version}" / "guard.yaml").write_text(policy("guard", version))
        os.symlink(f"..{version}", volume / "..new")
        os.rename(volume / "..new", volume / "..data")
    publish(0)
    os.symlink("..data/guard.yaml", volume / "guard.yaml")
    gateway, taken = Gateway(folder, "swap", origin, volume), []
    try:
        for version in range(1, 11):
            before, began = gateway.revision(), time.perf_counter()
            publish(version)
            while gateway.revision() == before:
                time.sleep(0.02)
            taken.append(time.perf_counter() - began)
            time.sleep(0.37 * version % 2)
        print(f"swap     in force after {min(taken):.1f} to {max(taken):.1f} s")
    finally:
        gateway.stop()


def thousand(folder, origin):
    policies = folder / "shipped"
    policies.mkdir()
    for file in (ROOT / "policies").glob("*.yaml"):
        (policies / file.name).write_text(file.read_text().replace("[Warn]", "[Audit]"))
    for limit in sorted(policies.glob("*.yaml")):
        # limits would refuse a load like this, as they should
        if limit.exists() and "kind: RequestLimit" in limit.read_text():
            limit.unlink()
            (policies / limit.name.replace(".yaml", ".test.yaml")).unlink(missing_ok=True)
    gateway = Gateway(folder, "thousand", origin, policies, "reload: { watch: false }\n")
    script, loaded = patch_script(folder), lambda: int(re.search(
        r'portcullis_reloads_total\{outcome="loaded"\} (\d+)', gateway.ask("GET", "/metrics"))[1])
    other, requests, resident = policies / "changing.yaml", 0, {}
    try:
        wrk = begin_load(gateway.port, script, 5)
        requests += p99_of(wrk)[0]
        resident[0] = resident_kib(gateway.process) / 1024
        wrk = None
        for number in range(1, RELOADS + 1):
            if wrk is None or wrk.poll() is not None:
                requests += p99_of(wrk)[0] if wrk else 0
                wrk = begin_load(gateway.port, script, 30)
            before = loaded()
            other.write_text(policy("changing", number).replace("[Deny]", "[Audit]"))
            gateway.process.send_signal(signal.SIGHUP)
            while loaded() == before:
                time.sleep(0.002)
            if number in (100, 500, RELOADS):
                resident[number] = resident_kib(gateway.process) / 1024
        requests += p99_of(wrk)[0]
        shown = ", ".join(f"{size:.0f} MiB after {number}" for number, size in resident.items())
        print(f"many     {RELOADS} reloads, {requests:,} requests, none failed; resident {shown}")
    finally:
        gateway.stop()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-reload-"))
    os.sched_setaffinity(0, {1})
    port = free_port()
    origin = nginx(folder / "origin", 1, port, ("", "return 200 '{}';"))
    try:
        for part in (begin, swap, times, thousand):
            part(folder, port)
    finally:
        origin.terminate()


if __name__ == "__main__":
    main()
