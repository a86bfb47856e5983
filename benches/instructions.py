#!/usr/bin/env python3
"""Instructions in user space for a judged request, counted by callgrind: the same on a busy machine and on a quiet one.

    cargo build --release && benches/instructions.py [PROGRAM...]

Needs valgrind. One worker, eight connections, the six policies of end_to_end.py, a JSON log in a file, no traces; the count of
2,400 requests less that of 400. Counts are of one machine: another has other code paths in libc and the crypto library.
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import BODY, POLICIES, ROOT, free_port, wait_for  # noqa: E402
from upstream import Upstream  # noqa: E402

ANSWER = b'{"id":"user_1"}'


def count(program, origin, requests):
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        policies = ", ".join(str(ROOT / "policies" / f"{policy}.yaml") for policy in POLICIES)
        file = folder / "gateway.yaml"
        file.write_text(f"""apiVersion: portcullis/v1
kind: Gateway
listen: 127.0.0.1:{port}
upstream: {{ url: "http://127.0.0.1:{origin}" }}
admin: {{ listen: "off" }}
workers: 1
policies: [{policies}]
logs: {{ access: {{ file: {folder}/access.log }} }}
""")
        with open(folder / "errors", "w") as errors:
            process = subprocess.Popen(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, "run", "--config",
                                        str(file)], stderr=errors, stdout=subprocess.DEVNULL)
        try:
            wait_for(port, 60, process)
        except SystemExit:
            print((folder / "errors").read_text(), file=sys.stderr)
            raise
        request = (f"PATCH /v1/users/user_1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer sk_test_portcullis\r\n"
                   f"Content-Type: application/json\r\nUser-Agent: bench/1.0\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}").encode()
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for _ in range(requests // len(clients)):
            for client in clients:
                client.sendall(request)
            for client in clients:
                read = b""
                while ANSWER not in read:
                    part = client.recv(65536)
                    if not part:
                        sys.exit(f"closed after {read!r}")
                    read += part
                if not read.startswith(b"HTTP/1.1 200"):
                    sys.exit(f"not forwarded: {read!r}")
        process.terminate()
        process.wait()
        return int(re.search(r"Collected : (\d+)", (folder / "errors").read_text())[1])


def main():
    origin = Upstream(lambda _: ANSWER).port
    for program in sys.argv[1:] or [str(ROOT / "target/release/portcullis")]:
        few, many = count(program, origin, 400), count(program, origin, 2400)
        print(f"{os.path.relpath(program, ROOT)}: {(many - few) / 2000:.0f} instructions a request")


main()
