#!/usr/bin/env python3
"""Requests that are lost because an idle connection is just being closed.

    cargo build --release && benches/idle_close.py [ROUNDS]

300 connections use the gateway once and idle to about its limit, each by the habit of a client library; then each sends a
PATCH. A request that was sent and got no response is lost. The clients share the machine with the gateway.
"""
import asyncio
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import BODY, ROOT, free_port, wait_for  # noqa: E402
from upstream import Upstream  # noqa: E402

CONNECTIONS, IDLE = 300, 6
REQUEST = (f"PATCH /v1/users/user_1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk_test_portcullis\r\n"
           f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}").encode()
# Each: seconds after the response at which it sends again, by what the response announced; whether it looks for a close first.
HABITS = {
    "http.Agent of Node.js: to the end of what is announced": (lambda announced: announced - random.uniform(0, 0.05), False),
    "HttpURLConnection of the JDK: the same, looks first": (lambda announced: announced - random.uniform(0, 0.05), True),
    "net/http of Go: by a time of its own, looks first": (lambda announced: announced + random.uniform(-1, 6), True),
}


async def ask(reader, writer):
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(re.search(rb"content-length: (\d+)", head.lower())[1]))
    return head


async def client(port, pause, looks):
    """Returns what became of the second request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = await ask(reader, writer)
        announced = int(re.search(rb"keep-alive: timeout=(\d+)", head.lower())[1])
        await asyncio.sleep(pause(announced))
        if looks and reader.at_eof():
            return "closed"
        await ask(reader, writer)
        return "answered"
    except (OSError, asyncio.IncompleteReadError):
        return "lost"
    finally:
        writer.close()


async def measure(port, rounds):
    for habit, (pause, looks) in HABITS.items():
        results = []
        for _ in range(rounds):
            results += await asyncio.gather(*(client(port, pause, looks) for _ in range(CONNECTIONS)))
        counts = ", ".join(f"{results.count(result)} {result}" for result in ("answered", "closed", "lost"))
        print(f"{habit:60} {counts}", flush=True)


def main():
    port, origin = free_port(), Upstream(lambda _: b"{}").port
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name) / "gateway.yaml"
        file.write_text(f"""apiVersion: portcullis/v1
kind: Gateway
listen: 127.0.0.1:{port}
upstream: {{ url: "http://127.0.0.1:{origin}" }}
admin: {{ listen: "off" }}
policies: [{ROOT}/policies/no-skip-password-checks.yaml]
limits: {{ idleTimeout: {IDLE}s }}
logs: {{ access: "off" }}
""")
        process = subprocess.Popen([ROOT / "target/release/portcullis", "run", "--config", str(file)], stderr=subprocess.DEVNULL)
        try:
            wait_for(port, 20, process)
            asyncio.run(measure(port, int(sys.argv[1]) if len(sys.argv) > 1 else 12))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
