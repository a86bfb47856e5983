#!/usr/bin/env python3
"""How long an editor waits for diagnostics: from a change of one of 200 policies to what `portcullis lsp` finds.

The policies are copies of the shipped ones, with their tests. `cargo build --release` first; then run this from the repository.
The time includes the 40 ms for which the server waits for the next letter.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path("target/release/portcullis").resolve()
POLICIES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
CHANGES = 40


def copies(folder):
    """Writes copies of the shipped policies until there are enough, and returns the last file."""
    files = sorted(file for file in pathlib.Path("policies").glob("*.yaml") if not file.name.endswith(".test.yaml"))
    written, round_ = 0, 0
    while True:
        for file in files:
            texts = [file.read_text(), file.with_suffix("").with_suffix(".test.yaml").read_text()]
            names = re.findall(r"^metadata:\s*(?:\{ name: |\n\s+name: )([a-z0-9-]+)", texts[0], re.MULTILINE)
            for name in sorted(set(names), key=len, reverse=True):
                texts = [re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"{name}-{round_}", text) for text in texts]
            target = folder / f"{file.stem}-{round_}.yaml"
            target.write_text(texts[0])
            target.with_suffix(".test.yaml").write_text(texts[1])
            written += len(names)
            if written >= POLICIES:
                return written, target
        round_ += 1


class Server:
    def __init__(self, folder):
        self.process = subprocess.Popen(
            [PROGRAM, "lsp", "--config", "gateway.yaml"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self):
        length = int(self.process.stdout.readline().split(b":")[1])
        self.process.stdout.readline()
        return json.loads(self.process.stdout.read(length))

    def await_message(self, uri, part):
        """Waits until a diagnostic of the file has `part` in its message."""
        while True:
            params = self.receive().get("params", {})
            if params.get("uri") == uri and any(part in found["message"] for found in params["diagnostics"]):
                return


def main():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name).resolve()
        (root / "policies").mkdir()
        count, file = copies(root / "policies")
        (root / "gateway.yaml").write_text(
            "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\nupstream: { url: embedded }\n"
        )
        check = [PROGRAM, "check", "--no-files", "--config", "gateway.yaml"]
        subprocess.run(check, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server, uri, text = Server(root), f"file://{file}", file.read_text()
        server.send({"id": 1, "method": "initialize", "params": {"rootUri": f"file://{root}", "capabilities": {}}})
        server.send({"method": "initialized", "params": {}})
        document = {"uri": uri, "languageId": "yaml", "version": 0, "text": text + "first: 1\n"}
        server.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        server.await_message(uri, "`first`")
        times = {"one error": [], "all valid, with all tests": []}
        for change in range(CHANGES):
            for kind, waits in times.items():
                # a case that fails shows that the tests of all policies ran
                wrong = f"wrong{change}: 1\n" if kind == "one error" else ""
                changed = text + wrong
                begun = time.monotonic()
                server.send(
                    {
                        "method": "textDocument/didChange",
                        "params": {
                            "textDocument": {"uri": uri, "version": change + 1},
                            "contentChanges": [{"text": changed}],
                        },
                    }
                )
                if wrong:
                    server.await_message(uri, f"`wrong{change}`")
                else:
                    while True:
                        params = server.receive().get("params", {})
                        errors = [found for found in params.get("diagnostics", []) if found["severity"] == 1]
                        if params.get("uri") == uri and not errors:
                            break
                waits.append((time.monotonic() - begun) * 1000)
        server.send({"id": 2, "method": "shutdown"})
        server.send({"method": "exit"})
        print(f"{count} policies and limits, {CHANGES} changes each; ms from the change to its diagnostics")
        for kind, waits in times.items():
            print(f"{kind}: median {statistics.median(waits):.0f}, worst {max(waits):.0f}")


if __name__ == "__main__":
    main()
