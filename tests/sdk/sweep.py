"""Every method of one of Clerk's newest SDKs through four gateways: is each call judged by the operation that is meant?

Usage: python3 tests/sdk/sweep.py PROGRAM FOLDER SDK COMMAND...
PROGRAM is the gateway; FOLDER is for the files of this run; SDK is a name for the table; COMMAND runs the driver, js/sweep.mjs
or python/sweep.py. The driver calls every method once through each gateway and prints what it sent. The rest is here:

| bundle | rules | right |
| --- | --- | --- |
| allow | no policy | every call reaches the upstream unchanged |
| deny | a policy that refuses every operation | every call is refused by this policy; none reaches the upstream |
| audit | the same policy in shadow mode | every call reaches the upstream; its log line names the policy |
| schema | every body must fit the contract | every call reaches the upstream unchanged |

In each bundle the operation in the access log must be the one that is meant: the SDK's own operation id where it has one, and
the one that the contract's files have for the method and the path. The overlay's routes are not asked, because they are part
of what is under test. SWEEP_CONTRACT names a folder with a contract to use in place of the built-in one.
"""

import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

CONTRACT = pathlib.Path(__file__).parents[2] / "policies" / "contract" / "clerk"
POLICY = "sweep"
# Keys, ids and strings that the drivers send have it.
SECRET = "canary"
BUNDLES = {"allow": None, "deny": "Deny", "audit": "Audit", "schema": None}
# A call that never ends must not hold CI: a whole run takes some seconds.
DRIVER_SECONDS, GATEWAY_SECONDS = 120, 20
# Fewer methods than this means that the driver no longer finds them, not that the SDK lost so many.
FEWEST_METHODS = 180

# What is in the SDKs and in no spec, with the name that it has here.
SDK_ONLY = [
    ("POST", "/v1/email", "CreateEmail"),
    ("POST", "/v1/email/batch", "CreateEmailBatch"),
    ("GET", "/v1/email/{}", "GetEmail"),
    ("DELETE", "/v1/invitations/{}", "DeleteInvitation"),
    ("POST", "/v1/beta_features/change_domain", "ChangeDomain"),
    ("GET", "/v1/clients/handshake_payload", "GetHandshakePayload"),
    ("POST", "/v1/accountless_applications", "CreateAccountlessApplication"),
    ("POST", "/v1/accountless_applications/complete", "CompleteAccountlessApplication"),
]


class Upstream(http.server.ThreadingHTTPServer):
    """Answers every request with `{}`, and notes what it was, by the id of its trace."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.received = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class UpstreamHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    # else each answer waits 40 ms for an acknowledgement between its head and its body
    disable_nagle_algorithm = True

    def handle_one(self):
        body = self.read_body()
        trace = self.headers.get("traceparent", "--").split("-")[1]
        self.server.received[trace] = {
            "method": self.command,
            "target": self.path,
            "body": hashlib.sha256(body).hexdigest(),
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_):
        pass  # the access log of the gateway is enough


class Operations:
    """The operations of the contract's files, found by method and path as they were sent."""

    def __init__(self):
        self.versions = {}
        for file in CONTRACT.glob("20*.json"):
            contract = json.loads(file.read_text())
            routes = [(one["method"], one["path"], one["id"]) for one in contract["operations"]]
            self.versions[contract["apiVersion"]] = [
                (method, self.pattern(path), operation) for method, path, operation in routes + SDK_ONLY
            ]
        overlay = (CONTRACT / "overlay.yaml").read_text()
        named = {operation for routes in self.versions.values() for _, _, operation in routes}
        self.all = sorted(named | set(re.findall(r"^- id: (\w+)$", overlay, re.MULTILINE)))

    @staticmethod
    def pattern(path):
        return [None if part.startswith("{") else part for part in path.split("/")]

    def meant(self, request):
        """The operation of a request; a literal segment precedes a parameter."""
        path = request["target"].split("?")[0]
        if not path.startswith("/v1/"):
            path = "/v1" + path  # Clerk serves some of them without it, and they are the same there
        segments = path.split("/")
        found = []
        # what the SDK's version does not have may be of an earlier or later one, and the gateway knows them all
        for version in [request["version"], *sorted(self.versions, reverse=True)]:
            for method, pattern, operation in self.versions.get(version, []):
                if method == request["method"] and len(pattern) == len(segments):
                    if all(part in (None, segment) for part, segment in zip(pattern, segments)):
                        found.append((sum(part is None for part in pattern), operation))
            if found:
                return min(found)[1]
        return None


class Gateway:
    """A gateway with the rules of one bundle."""

    def __init__(self, program, folder, bundle, upstream, operations, ports):
        self.bundle, self.folder = bundle, folder / bundle
        self.url, self.admin = (f"http://127.0.0.1:{port}" for port in ports)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # JSON is YAML, so nothing has to be escaped
        if BUNDLES[bundle]:
            (self.folder / "policy.yaml").write_text(json.dumps(self.policy(operations)))
        (self.folder / "gateway.yaml").write_text(json.dumps(self.configuration(upstream)))
        self.output = (self.folder / "gateway.log").open("wb")
        self.process = subprocess.Popen(
            [program, "run", "--config", self.folder / "gateway.yaml"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
        )

    def policy(self, operations):
        return {
            "apiVersion": "portcullis/v1",
            "kind": "RequestPolicy",
            "metadata": {"name": POLICY},
            "spec": {
                "match": {"operations": operations.all},
                "validations": [{"expression": "false", "message": "the sweep refuses every call"}],
                "actions": [BUNDLES[self.bundle]],
            },
        }

    def configuration(self, upstream):
        contract = {}
        if self.bundle == "schema":
            contract["operations"] = [{"match": "*", "mode": "enforce", "unknownFields": "deny"}]
        if other := os.environ.get("SWEEP_CONTRACT"):
            contract["folder"] = os.path.abspath(other)
        return {
            "apiVersion": "portcullis/v1",
            "kind": "Gateway",
            "listen": self.url.removeprefix("http://"),
            "upstream": {"url": f"http://127.0.0.1:{upstream.server_address[1]}"},
            "policies": ["policy.yaml"] if BUNDLES[self.bundle] else [],
            "contract": contract,
            "admin": {"listen": self.admin.removeprefix("http://")},
            "logs": {"format": "json", "access": {"file": "access.log"}},
        }

    def await_ready(self):
        end = time.monotonic() + GATEWAY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.admin}/readyz", timeout=1)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise SystemExit(f"the gateway `{self.bundle}` did not become ready: {self.messages()}")

    def stop(self):
        """Stops it, and returns its access log by trace id: when it has ended, every line is written."""
        self.process.terminate()
        code = self.process.wait(GATEWAY_SECONDS)
        if code != 0:
            raise SystemExit(f"the gateway `{self.bundle}` ended with exit code {code}: {self.messages()}")
        text = (self.folder / "access.log").read_text()
        if SECRET in text or SECRET in self.messages():
            raise SystemExit(f"a value of a request is in a log of the gateway `{self.bundle}`")
        return {line["trace_id"]: line for line in map(json.loads, text.splitlines())}

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()

    def messages(self):
        return (self.folder / "gateway.log").read_text()


def deviations(bundle, request, line, received, operations):
    """What is wrong with one request, as pairs of what is expected and what was found."""
    if line is None:
        return [("a line in the access log", "none")]
    wrong = []

    def expect(what, expected, found):
        if expected != found:
            wrong.append((f"{what} {expected}", found))

    meant = operations.meant(request)
    if meant is None:
        wrong.append(("a route of the contract or of SDK_ONLY", "a call that neither has"))
    expect("operation", meant, line.get("operation"))
    if request.get("meant"):
        expect("operation of the SDK", request["meant"], line.get("operation"))
    if BUNDLES[bundle]:
        policies = {(one["name"], one["action"]) for one in line.get("policies", [])}
        expect("policy", {(POLICY, BUNDLES[bundle].lower())}, policies)
    if bundle == "deny":
        expect("reason", "policy_denied", line.get("reason"))
        expect("at the upstream", None, received)
        return wrong
    if received is None:
        refusal = f"{line['status']} {line.get('reason')} {line.get('fields', '')} {line.get('keywords', '')}"
        return wrong + [("a request at the upstream", refusal)]
    expect("status", 200, request["status"])
    expect("reason", None, line.get("reason"))
    expect("audited", None, line.get("audited"))
    for part in ("method", "target", "body"):
        # the boundary of a form is chosen after the driver could note it
        if request[part] is not None:
            expect(f"{part} at the upstream", request[part], received[part])
    return wrong


def report(sdk, bundle, calls, log, upstream, operations):
    """Prints the deviations of a bundle, and returns the number of calls that had none."""
    passed = 0
    for call in calls:
        wrong = []
        if not call["requests"]:
            wrong.append(f"no request was sent: {call['error']}")
        for request in call["requests"]:
            trace = request["trace"]
            pairs = deviations(bundle, request, log.get(trace), upstream.received.get(trace), operations)
            wire = f"{request['method']} {request['target']}"
            wrong += [f"{wire}: expected {expected}, got {found}" for expected, found in pairs]
        for text in wrong:
            print(f"FAIL  {sdk:<7} {bundle:<7} {call['call']}: {text}")
        passed += not wrong
    return passed


def free_ports(number):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def main(program, folder, sdk, *command):
    operations, upstream = Operations(), Upstream()
    ports = free_ports(2 * len(BUNDLES))
    gateways = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that no gateway outlives this
    try:
        for bundle in BUNDLES:
            pair = (ports.pop(), ports.pop())
            gateways.append(Gateway(program, pathlib.Path(folder), bundle, upstream, operations, pair))
        for gateway in gateways:
            gateway.await_ready()
        driver = subprocess.run(
            [*command, *(f"{one.bundle}={one.url}" for one in gateways)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DRIVER_SECONDS, text=True,
        )
        if driver.returncode != 0:
            raise SystemExit(f"the driver failed: {driver.stderr[-2000:]}")
        logs = {gateway.bundle: gateway.stop() for gateway in gateways}
    finally:
        for gateway in gateways:
            gateway.kill()
    calls = [json.loads(line) for line in driver.stdout.splitlines()]
    rows, failed = [], False
    for bundle in BUNDLES:
        mine = [call for call in calls if call["bundle"] == bundle]
        passed = report(sdk, bundle, mine, logs[bundle], upstream, operations)
        rows.append((bundle, len(mine), passed))
        once = len({call["call"] for call in mine})
        failed = failed or passed < len(mine) or once < len(mine) or once < FEWEST_METHODS
    print(f"\n{'SDK':<8}{'bundle':<8}{'calls':>6}{'passed':>8}")
    for bundle, number, passed in rows:
        print(f"{sdk:<8}{bundle:<8}{number:>6}{passed:>8}")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
