#!/usr/bin/env python3
"""What `report` and `replay` take for a log of a million decisions: time, and the most memory resident.

    cargo build --release && benches/rollout.py

The log is one of a gateway that was asked a dozen different things, each line repeated with ids, callers and days of its own.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import ROOT, free_port, wait_for  # noqa: E402

DECISIONS = int(os.environ.get("DECISIONS", 1_000_000))
PROGRAM = ROOT / "target/release/portcullis"
BODIES = [
    {"first_name": "Ada", "last_name": "Lovelace", "public_metadata": {"plan": "pro", "seats": [1, 2, 3]}},
    {"skip_password_checks": True},
    {"skip_legal_checks": True, "first_name": "Ada"},
    {"password": "correct horse battery staple"},
    {"password": "correct horse battery staple", "sign_out_of_other_sessions": True},
    {"password_digest": "x" * 60, "password_hasher": "bcrypt"},
    {"password_digest": "x" * 32, "password_hasher": "md5"},
    {"external_id": "crm_4711", "username": "ada", "locale": "en-GB"},
    {"first_name": 5},
    {"unknown": 1},
    {"public_metadata": {f"key{n}": f"value {n}" for n in range(40)}},
    {"notify_primary_email_address_changed": False, "delete_self_enabled": True, "create_organizations_limit": 3},
]


def decide(folder):
    """The lines that a gateway writes for `BODIES`."""
    port, log = free_port(), folder / "seed.jsonl"
    configuration = folder / "gateway.yaml"
    configuration.write_text(
        f"apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:{port}\nadmin: {{ listen: off }}\n"
        f"upstream: {{ url: embedded }}\npolicies: [{ROOT / 'policies'}]\ndecisionLog: {{ file: {log} }}\nlogs: {{ access: off }}\n")
    gateway = subprocess.Popen([PROGRAM, "run", "--config", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(port)
    for body in BODIES:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/users/user_portcullis_ada", json.dumps(body).encode(), method="PATCH",
            headers={"Content-Type": "application/json", "Authorization": "Bearer sk_live_portcullis"})
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as refused:
            refused.close()
    gateway.terminate()
    gateway.wait()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return configuration, [entry for entry in entries if "event" not in entry]


def multiply(entries, log):
    """Writes `DECISIONS` lines, each with an id, a caller and a day of its own."""
    marked = []
    for entry in entries:
        entry.update(decision_id="@id@", key_fingerprint="@caller@", time="2026-05-@day@T08:30:00.125Z", number="@number@")
        marked.append(json.dumps(entry, separators=(",", ":")) + "\n")
    with log.open("w") as file:
        for number in range(DECISIONS):
            line = marked[number % len(marked)].replace("@id@", f"{number:016x}")
            line = line.replace('"@number@"', str(number + 1))
            line = line.replace("@caller@", f"{number // 7 % 5000:016x}")
            file.write(line.replace("@day@", f"{number * 28 // DECISIONS + 1:02}"))


def measure(name, arguments):
    start = time.monotonic()
    command = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(command.pid, 0)
    elapsed = time.monotonic() - start
    assert status == 0, name
    cpu = used.ru_utime + used.ru_stime
    print(f"{name}: {elapsed:.1f} s ({cpu:.1f} s of CPU), {used.ru_maxrss / 1024:.0f} MiB resident at most")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        configuration, entries = decide(folder)
        log = folder / "decisions.jsonl"
        multiply(entries, log)
        print(f"{DECISIONS} decisions, {log.stat().st_size / 1e6:.0f} MB")
        new = folder / "new"
        shutil.copytree(ROOT / "policies", new)
        audited = new / "no-skip-legal-checks.yaml"
        audited.write_text(audited.read_text().replace("[Audit]", "[Deny]"))
        measure("report", ["report", "--log", log, "--config", configuration])
        replay = ["replay", "--log", log, "--policies", new, "--config"]
        measure("replay", [*replay, configuration])
        # by another configuration than that of the log, nothing is known to stand: each policy is evaluated anew
        other = folder / "other.yaml"
        other.write_text(configuration.read_text().replace(f"{ROOT / 'policies'}", f"{new}"))
        measure("replay, all anew", [*replay, other])


if __name__ == "__main__":
    main()
