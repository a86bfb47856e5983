"""A gateway in a folder of its own, before a stand-in that can be killed and replaced."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("PORTCULLIS", ROOT / "target/release/portcullis"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Upstream:
    def __init__(self, folder, port=None):
        self.port, self.forbidden, self.process = port or free_port(), folder / "forbidden.txt", None

    def start(self, mode="well"):
        command = [sys.executable, pathlib.Path(__file__).with_name("upstream.py"), str(self.port), mode, self.forbidden]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def replace(self, mode):
        self.kill()
        self.start(mode)


class Gateway:
    """`more` is added to the configuration."""

    def __init__(self, folder, upstream_url, more="", environment=None, prefix=()):
        self.folder, self.port, self.admin = folder, free_port(), free_port()
        self.policies, self.prefix = folder / "policies", list(prefix)
        self.environment = {**os.environ, **(environment or {})}
        if not self.policies.exists():
            self.policies.mkdir()
            shutil.copy(ROOT / "policies/no-skip-password-checks.yaml", self.policies)
        self.file = folder / "gateway.yaml"
        self.file.write_text(
            f"""apiVersion: portcullis/v1
kind: Gateway
listen: 127.0.0.1:{self.port}
admin: {{ listen: "127.0.0.1:{self.admin}" }}
upstream: {{ url: "{upstream_url}", connectTimeout: 1s, responseTimeout: 2s }}
policies: [policies]
workers: 1
{more}"""
        )
        self.process = None

    def start(self, *arguments):
        command = [*self.prefix, str(PROGRAM), "run", "--config", str(self.file), *arguments]
        log = open(self.folder / "gateway.log", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=self.environment)
        log.close()
        self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds=20):
        latest = time.monotonic() + seconds
        while time.monotonic() < latest:
            if self.status("/readyz") == 200:
                return
            if self.process.poll() is not None:
                sys.exit(f"the gateway did not start:\n{self.log()}")
            time.sleep(0.02)
        sys.exit(f"the gateway was not ready after {seconds} s:\n{self.log()}")

    def status(self, path):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def metric(self, name, labels=""):
        """The sum of the samples of `name` whose labels contain `labels`."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5).read().decode()
        samples = re.findall(rf"^{name}(\{{[^}}]*\}})? ([0-9.e+-]+)$", text, re.MULTILINE)
        return sum(float(value) for of, value in samples if labels in of)

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def log(self):
        return (self.folder / "gateway.log").read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Asks it to stop. Returns its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def change_policy(self, turn):
        """Writes the policy with another message, as an editor does: a new file in place of the old one."""
        file = self.policies / "no-skip-password-checks.yaml"
        text = (ROOT / "policies/no-skip-password-checks.yaml").read_text()
        new = self.folder / "new.yaml"
        new.write_text(re.sub(r"(?m)^(\s*message: .*)$", rf"\1 {turn}", text, count=1))
        new.replace(file)


def decisions(file):
    """The entries of a decision log and its rotated files that are whole."""
    entries = []
    for path in sorted(file.parent.glob(file.name + "*")):
        for line in path.read_text(errors="replace").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                entries.append(None)
    return entries
