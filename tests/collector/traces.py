"""What a collector has of requests that passed, were refused, and failed upstream: `traces.py PORTCULLIS OTELITE`."""

import http.server
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

CANARY = "canary7f3a"
NAME = "PATCH /v1/users/{user_id}"
SECONDS = 20


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers every request, but breaks off those for a user called `close`."""

    def do_PATCH(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/close"):
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def eventually(what, ask):
    """What `ask` gives once that is something."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            if found := ask():
                return found
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"{what}: nothing within {SECONDS} s")


def is_ready(url):
    with urllib.request.urlopen(url, timeout=1) as answer:
        return answer.status == 200


def send(port, user, body):
    """Sends one update as part of a trace of our own; gives its id, ours of the span, and the status of the answer."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/users/{user}", method="PATCH", data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer sk_live_{CANARY}",
                 "traceparent": f"00-{trace}-{span}-01"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return trace, span, answer.status
    except urllib.error.HTTPError as error:
        return trace, span, error.code


def expect(case, what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{case}: {what}: {found!r} in place of {wanted!r}")


def check(case, api, sent, status, kinds, server, client, rules):
    trace, parent, answered = sent
    expect(case, "status", answered, status)

    def whole():
        told = get(f"{api}/api/traces/{trace}")
        return told if len(told["spans"]) == len(kinds) else None

    told = eventually(f"{case}: {len(kinds)} spans", whole)
    text = json.dumps(told)
    expect(case, "a secret in the trace", CANARY in text, False)
    spans = {span["kind"].lower(): span for span in told["spans"]}
    expect(case, "kinds", sorted(spans), sorted(kinds))
    root = spans["server"]
    expect(case, "parent of the server span", root["parent_span_id"], parent)
    for kind, span in spans.items():
        expect(case, f"name of the {kind} span", span["name"], "judge" if kind == "internal" else NAME)
        if span is not root:
            expect(case, f"parent of the {kind} span", span["parent_span_id"], root["span_id"])
            expect(case, f"{kind} span within the server span", span["start_time"] >= root["start_time"], True)
    common = {"http.request.method": "PATCH", "http.route": "/v1/users/{user_id}", "clerk.operation": "UpdateUser",
              "clerk.environment": "production", "http.response.status_code": str(status)}
    for name, wanted in {**common, **server}.items():
        expect(case, f"{name} of the server span", root["attributes"].get(name), wanted)
    for name, wanted in client.items():
        expect(case, f"{name} of the client span", spans["client"]["attributes"].get(name), wanted)
    events = [event["attributes"] for event in root["events"] if event["name"] == "policy.violation"]
    expect(case, "rules of the events", [event.get("security_rule.name") for event in events], rules)
    print(f"{case}: {len(told['spans'])} spans, {len(events)} events, as they should be")


def run(program, api, endpoint, protocol, upstream, folder):
    port, admin = free_ports(2)
    configuration = os.path.join(folder, "gateway.yaml")
    policies = os.path.abspath("policies/no-skip-password-checks.yaml")
    with open(configuration, "w", encoding="utf-8") as file:
        json.dump({"apiVersion": "portcullis/v1", "kind": "Gateway", "listen": f"127.0.0.1:{port}",
                   "admin": {"listen": f"127.0.0.1:{admin}"}, "upstream": {"url": f"http://127.0.0.1:{upstream}"},
                   "policies": [policies], "workers": 1}, file)
    variables = {"PATH": os.environ["PATH"], "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                 "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with open(os.path.join(folder, "gateway.log"), "wb") as log:
        gateway = subprocess.Popen([program, "run", "--config", configuration], env=variables, stdout=log, stderr=log)
    try:
        eventually("the gateway", lambda: is_ready(f"http://127.0.0.1:{admin}/readyz"))
        check(f"{protocol}, passed", api, send(port, "user_1", {"first_name": CANARY}), 200,
              ["server", "internal", "client"], {"policy.decision": "allow"},
              {"http.response.status_code": "200", "url.full": f"http://127.0.0.1:{upstream}/v1/users/{{user_id}}"}, [])
        check(f"{protocol}, refused", api, send(port, "user_1", {"skip_password_checks": True}), 422,
              ["server", "internal"], {"policy.decision": "deny", "policy.reason": "policy_denied"}, {},
              ["no-skip-password-checks"])
        failed = {"policy.decision": "fail", "error.type": "upstream_unreachable"}
        check(f"{protocol}, failed upstream", api, send(port, "close", {"first_name": CANARY}), 502,
              ["server", "internal", "client"], failed, {"error.type": "upstream_unreachable"}, [])
        gateway.terminate()
        expect(protocol, "exit code of the gateway", gateway.wait(timeout=30), 0)
    finally:
        gateway.kill()
        gateway.wait()


def main(program, otelite):
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    web, grpc, plain = free_ports(3)
    with tempfile.TemporaryDirectory() as folder:
        variables = {"PATH": os.environ["PATH"], "HOME": folder, "OTELITE_DATA_DIR": folder,
                     "OTELITE_OTLP_GRPC_PORT": str(grpc), "OTELITE_OTLP_HTTP_PORT": str(plain)}
        with open(os.path.join(folder, "otelite.log"), "wb") as log:
            collector = subprocess.Popen([otelite, "serve", "--addr", f"127.0.0.1:{web}"], env=variables, stdout=log, stderr=log)
        api = f"http://127.0.0.1:{web}"
        try:
            eventually("otelite", lambda: is_ready(f"{api}/api/health"))
            for protocol, port in (("http/protobuf", plain), ("grpc", grpc)):
                run(program, api, f"http://127.0.0.1:{port}", protocol, upstream.server_port, folder)
        except BaseException:
            for name in ("otelite.log", "gateway.log"):
                path = os.path.join(folder, name)
                if os.path.exists(path):
                    with open(path, encoding="utf-8", errors="replace") as log:
                        print(f"---- the end of {name}", *log.readlines()[-20:], sep="\n", file=sys.stderr)
            raise
        finally:
            collector.kill()
            collector.wait()


main(*sys.argv[1:])
