#!/usr/bin/env python3
"""The image of the Dockerfile without a container engine: its last stage is assembled from a program, and runs as a cluster would
run it: as its user, without capabilities, from a read-only root, with the configuration and policies of the sidecar. A server that
the certificate authorities of the image trust takes the place of api.clerk.com, in a network that has loopback alone.

Usage: unshare --mount --net --pid --fork image.py PROGRAM FOLDER, as root, in the root of the repository.
"""

import ctypes
import fcntl
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

HOST = "api.clerk.com"
CLIENT = {"authorization": "Bearer sk_live_image", "content-type": "application/json"}
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0):
    encoded = [text and str(text).encode() for text in (source, target, kind)]
    if libc.mount(*encoded, flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def dockerfile():
    """What the last stage of the Dockerfile sets."""
    text = pathlib.Path("Dockerfile").read_text().replace("\\\n", " ")
    stage = text[text.rindex("\nFROM "):]
    found = {name: json.loads(value) for name, value in re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", stage, re.M)}
    found["HEALTHCHECK"] = json.loads(re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", stage, re.M)[1])
    found["USER"] = re.search(r"^USER (\d+):(\d+)$", stage, re.M).groups()
    found["ENV"] = dict(re.findall(r"^ENV (\w+)=(\S+)$", stage, re.M))
    return found


def libraries(program):
    """The files that the dynamic linker loads for a program."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def assemble(root, program):
    shutil.rmtree(root, ignore_errors=True)
    for folder in ["etc/ssl/certs", "etc/portcullis/config", "etc/portcullis/policies", "usr/local/bin", "proc", "dev"]:
        (root / folder).mkdir(parents=True)
    shutil.copy(program, root / "usr/local/bin/portcullis")
    for library in libraries(program):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    # in place of DNS
    (root / "etc/hosts").write_text(f"127.0.0.1 {HOST}\n127.0.0.1 localhost\n")
    shutil.copy("config/kubernetes/sidecar/gateway.yaml", root / "etc/portcullis/config")
    for policy in pathlib.Path("config/kubernetes/policies").glob("*.yaml"):
        if policy.name != "kustomization.yaml":
            shutil.copy(policy, root / "etc/portcullis/policies")


def certificates(root, folder):
    """An authority, which becomes the one that the image trusts, and a certificate of it for the upstream."""
    run = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
    authority = [folder / "ca.key", root / "etc/ssl/certs/ca-certificates.crt"]
    run("req", "-x509", *key, "-subj", "/CN=authority", "-keyout", *[str(authority[0]), "-out", str(authority[1])])
    run("req", "-x509", *key, "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
        "-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(authority[1]), "-CAkey", str(authority[0]),
        "-keyout", str(folder / "upstream.key"), "-out", str(folder / "upstream.crt"))


class Upstream(http.server.BaseHTTPRequestHandler):
    """Clerk, as far as it is needed: any request is received and has a response."""

    protocol_version = "HTTP/1.1"
    received = []

    def do_PATCH(self):
        self.received.append((self.headers["host"], self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def start_upstream(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Upstream)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "upstream.crt", folder / "upstream.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def raise_loopback():
    with socket.socket() as asked:
        request = struct.pack("16sH14s", b"lo", 1, b"")  # IFF_UP
        fcntl.ioctl(asked, 0x8914, request)  # SIOCSIFFLAGS


class Container:
    """The root file system, in which processes start as a container runtime starts them."""

    def __init__(self, root, image):
        self.root, self.image = root, image
        mount(None, "/", flags=MS_REC | MS_PRIVATE)
        mount(root, root, flags=MS_BIND)
        mount("proc", root / "proc", "proc")
        mount(None, root, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)

    def enter(self):
        os.chroot(self.root)
        os.chdir("/")
        user, group = map(int, self.image["USER"])
        for capability in range(64):
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS

    def start(self, command, **streams):
        return subprocess.Popen(command, preexec_fn=self.enter, env=self.image["ENV"], **streams)

    def run(self, command):
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate(timeout=30)
        return process.returncode, output


def request(body):
    connection = http.client.HTTPConnection("127.0.0.1", 8787, timeout=5)
    connection.request("PATCH", "/v1/users/user_1", body, CLIENT)
    response = connection.getresponse()
    return response.status, response.read()


def expect(what, found, wanted):
    print(f"{'ok  ' if found == wanted else 'FAIL'} {what}: {found!r}")
    if found != wanted:
        sys.exit(f"expected {wanted!r}")


def wait_until_ready(container, gateway):
    for _ in range(100):
        code, output = container.run(container.image["HEALTHCHECK"])
        if code == 0 or gateway.poll() is not None:
            break
        time.sleep(0.1)
    expect("the image's health check", output.strip(), "ready")


def status_of(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return {name: value.split() for name, value in re.findall(r"^(\w+):\s*(.*)$", text, re.M)}


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2]).absolute()
    root, image = folder / "root", dockerfile()
    assemble(root, program)
    print("libraries:", *[pathlib.Path(library).name for library in libraries(program)])
    certificates(root, folder)
    raise_loopback()
    start_upstream(folder)
    container = Container(root, image)
    # `/proc` of this process namespace, in which ids of processes are those that `Popen` has
    mount("proc", "/proc", "proc")

    program_inside = image["ENTRYPOINT"][0]
    code, output = container.run([program_inside, "check"])
    print(output)
    expect("exit code of `check`", code, 0)
    expect("`check` lists the sidecar's policy", "no-skip-password-checks" in output, True)

    with open(folder / "gateway.log", "wb") as log:
        gateway = container.start(image["ENTRYPOINT"] + image["CMD"], stdout=log, stderr=log)
    try:
        wait_until_ready(container, gateway)
        status = status_of(gateway)
        expect("user", status["Uid"], [image["USER"][0]] * 4)
        expect("capabilities", [status[name][0].strip("0") for name in ("CapEff", "CapPrm", "CapBnd")], [""] * 3)
        expect("a permitted request", request(b'{"first_name":"Ada"}'), (200, b"{}"))
        expect("a request that the policy forbids", request(b'{"skip_password_checks":true}')[0], 422)
        expect("what the upstream received", Upstream.received, [(HOST, b'{"first_name":"Ada"}')])
        gateway.send_signal(signal.SIGHUP)
        expect("after a reload", request(b'{"skip_password_checks":true}')[0], 422)
    finally:
        gateway.terminate()
        code = gateway.wait(timeout=30)
    expect("exit code after SIGTERM", code, 0)


main()
