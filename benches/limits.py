#!/usr/bin/env python3
"""What clients that mean no good cost the others: idle connections, slow ones, bodies past the limit, refusals.

    cargo build --release && benches/limits.py

Needs nginx and wrk (Debian: nginx-light wrk). The gateway has core 0 to itself; everything else shares core 1.
"""
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import BODY, ROOT, configuration, free_port, load, milliseconds, nginx, patch_script, resident_kib, start, wait_for  # noqa: E402

IDLE = int(os.environ.get("IDLE", 9_800))
HEAD = ("{} /v1/users/user_1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer sk_live_portcullis\r\n{}\r\n")


def connect(port, source="127.0.0.1"):
    client = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
    client.settimeout(10)
    return client


def ask(client, head, body=b""):
    client.sendall(head.encode() + body)
    return client.recv(65536)


def raise_descriptors(needed):
    """Raises the limit on open files, for this process and those that it starts. Returns the limit, which may be lower."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, needed), max(most, needed)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def idle_connections(process, port, count, pause):
    """KiB that a connection takes which was used once and then idles for `pause` seconds, and the median ms of a new connection and
    request beside as many. They are of four clients, as one gets at most a part of `limits.connections`."""
    before, clients = resident_kib(process), []
    for number in range(count):
        clients.append(connect(port, f"127.0.0.{number % 4 + 2}"))
        ask(clients[-1], HEAD.format("GET", ""))
    time.sleep(pause)
    each = (resident_kib(process) - before) / count
    times = []
    for _ in range(200):
        began = time.perf_counter()
        with connect(port) as client:
            answer = ask(client, HEAD.format("GET", ""))
        times.append((time.perf_counter() - began) * 1e3)
        if not answer.startswith(b"HTTP/1.1 200"):
            sys.exit(f"beside idle connections: {answer[:80]}")
    for client in clients:
        client.close()
    return each, statistics.median(times)


def slow_clients(port, script, count=200):
    """The tail of ordinary load, alone and beside clients that send a byte a second, half of them in the head."""
    _, alone = load(port, script)
    stop, body = threading.Event(), BODY.encode()
    head = HEAD.format("PATCH", f"Content-Length: {len(body)}\r\n").encode()

    def crawl(bytes_at_once, slowly):
        while not stop.is_set():
            try:
                with connect(port) as client:
                    client.sendall(bytes_at_once)
                    for byte in slowly:
                        if stop.wait(1):
                            return
                        client.sendall(bytes([byte]))
            except OSError:
                pass

    crawlers = [threading.Thread(target=crawl, args=((b"", head) if at % 2 else (head, body)), daemon=True) for at in range(count)]
    for crawler in crawlers:
        crawler.start()
    time.sleep(2)
    _, beside = load(port, script)
    stop.set()
    print(f"slow clients       p99 of ordinary load alone {alone}, beside {count} that send a byte a second {beside}")


def long_bodies(process, port):
    """What of a body of 50 MB is taken before it is refused, and what it takes of memory."""
    for framing, head in [("declared", "Content-Length: 52428800\r\n"), ("chunked", "Transfer-Encoding: chunked\r\n")]:
        before = resident_kib(process)
        with connect(port) as client:
            client.sendall(HEAD.format("PATCH", head).encode())
            client.setblocking(False)
            sent, answer = 0, b""
            piece = b"x" * 65536
            if framing == "chunked":
                piece = b"10000\r\n" + piece + b"\r\n"
            began = time.monotonic()
            while time.monotonic() - began < 10 and sent < 52_428_800:
                try:
                    sent += client.send(piece)
                except BlockingIOError:
                    time.sleep(0.001)
                except OSError:
                    break
                try:
                    answer = answer or client.recv(65536)
                    if answer:
                        break
                except BlockingIOError:
                    pass
        grown = resident_kib(process) - before
        print(f"50 MB, {framing:<8}    answered {answer[9:12].decode() or 'nothing'} after {sent / 1024:.0f} KiB were sent; memory grew by {grown} KiB")


def refusals(port, origin, script, rounds=4):
    """The tail of ordinary load beside 1,000 refusals a second, and beside a client that does the same to the upstream, which
    refuses by itself: what a client takes of the core that load and upstream share is the same in both."""
    body = b'{"skip_password_checks":true}'
    tails, rates = {"upstream": [], "gateway": []}, []

    def refuse(target, path, stop, refused):
        request = HEAD.format("PATCH", f"Content-Length: {len(body)}\r\n").replace("/v1/users/user_1", path)
        with connect(target) as client:
            due = time.perf_counter()
            while not stop.is_set():
                if ask(client, request, body).startswith(b"HTTP/1.1 422"):
                    refused[0] += 1
                due += 1 / 1000
                time.sleep(max(0, due - time.perf_counter()))

    for _ in range(rounds):
        for name, target, path in [("upstream", origin, "/refuse"), ("gateway", port, "/v1/users/user_1")]:
            stop, refused = threading.Event(), [0]
            thread = threading.Thread(target=refuse, args=(target, path, stop, refused), daemon=True)
            thread.start()
            began = time.perf_counter()
            _, tail = load(port, script, connections=8)
            rates.append(refused[0] / (time.perf_counter() - began))
            stop.set()
            thread.join()
            tails[name].append(milliseconds(tail))
    told = ", ".join(f"by the {name} {statistics.median(tail):.2f} ms ({min(tail):.2f} to {max(tail):.2f})" for name, tail in tails.items())
    print(f"refusals           {statistics.median(rates):.0f} a second: median p99 of ordinary load, refused {told}")


def main():
    raise_descriptors(2 * IDLE + 200)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-limits-"))
    script = patch_script(folder)
    origin, gateway, admin = (free_port() for _ in range(3))
    running = [nginx(folder / "origin", 1, origin, ("", "if ($uri = /refuse) { return 422 '{}'; } return 200 '{}';"))]
    os.sched_setaffinity(0, {1})
    environment = {**os.environ, "PORTCULLIS_LISTEN": f"127.0.0.1:{gateway}", "PORTCULLIS_ADMIN_LISTEN": f"127.0.0.1:{admin}",
                   "PORTCULLIS_UPSTREAM": f"http://127.0.0.1:{origin}"}
    with open(folder / "access.log", "w") as log:
        running.append(start(0, [str(ROOT / "target/release/portcullis"), "run", "--config", str(configuration(folder, "gateway", "stdout"))],
                             env=environment, stdout=log, stderr=subprocess.DEVNULL))
    wait_for(gateway)
    process = running[1]
    try:
        load(gateway, script)
        long_bodies(process, gateway)
        slow_clients(gateway, script)
        refusals(gateway, origin, script)
        each, median = idle_connections(process, gateway, IDLE, 15)
        print(f"idle connections   {IDLE}: {each:.1f} KiB each; a new connection and request beside them: median {median:.2f} ms")
    finally:
        for process in running:
            process.terminate()


if __name__ == "__main__":
    main()
