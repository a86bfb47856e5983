"""Clients that send requests one after another, and keep what became of each."""
import asyncio
import collections
import json
import re
import threading
import time

ALLOWED = json.dumps({"first_name": "Ada"}).encode()
FORBIDDEN = json.dumps({"skip_password_checks": True, "password": "correct horse battery"}).encode()
# each fifth request is one that the policy refuses
BODIES = [ALLOWED] * 4 + [FORBIDDEN]


def request(body):
    head = (
        "PATCH /v1/users/user_1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk_live_portcullis\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """Sends requests over `connections` connections until `stop`, all together at most `rate` a second."""

    def __init__(self, port, connections=16, rate=None):
        self.port, self.connections = port, connections
        self.pause = connections / rate if rate else 0
        self.results = collections.Counter()
        # time and kind of what was not as it should be
        self.failures = []
        self.last_success = 0.0
        self.ends = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.thread.start()

    def stop(self):
        self.ends = True
        self.thread.join()
        return self

    @property
    def total(self):
        return sum(self.results.values())

    def failed_since(self, moment):
        return [kind for when, kind in self.failures if when > moment]

    async def _run(self):
        await asyncio.gather(*(self._client(number) for number in range(self.connections)))

    def _fail(self, kind):
        self.results[kind] += 1
        self.failures.append((time.monotonic(), kind))

    async def _client(self, number):
        reader = writer = None
        turn = number
        while not self.ends:
            body, begun = BODIES[turn % len(BODIES)], time.monotonic()
            turn += 1
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request(body))
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                length = re.search(rb"content-length: *(\d+)", head.lower())
                if length:
                    await reader.readexactly(int(length[1]))
                status, wanted = int(head[9:12]), 200 if body is ALLOWED else 422
                if status == wanted:
                    self.results["as it should be"] += 1
                    self.last_success = time.monotonic()
                else:
                    self._fail(f"status {status}" if body is ALLOWED else f"FORBIDDEN: status {status}")
                if b"connection: close" in head.lower() or not length:
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self._fail(type(error).__name__)
                if writer:
                    writer.close()
                writer = None
                await asyncio.sleep(0.01)
            left = self.pause - (time.monotonic() - begun)
            if left > 0:
                await asyncio.sleep(left)
        if writer:
            writer.close()
