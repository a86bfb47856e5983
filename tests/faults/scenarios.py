"""The scenarios. Each gets a folder of its own, and returns what to print."""
import contextlib
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from gateway import PROGRAM, Gateway, Upstream, decisions
from load import Load

# longest time after the end of a fault until requests succeed again
RECOVERY = 2.0


class Skipped(Exception):
    """This machine lacks something."""


@contextlib.contextmanager
def service(folder, more="logs: { access: off }\n", mode="well", rate=600, connections=16, arguments=(), **options):
    """A gateway under load. Whatever the fault was: it runs at the end, and nothing forbidden arrived."""
    upstream = Upstream(folder).start(mode)
    gateway = Gateway(folder, f"http://127.0.0.1:{upstream.port}", more, **options)
    load = None
    try:
        gateway.start(*arguments)
        load = Load(gateway.port, connections, rate)
        yield gateway, upstream, load
        load.stop()
        assert gateway.process.poll() is None, f"the gateway ended:\n{gateway.log()}"
        assert "panicked" not in gateway.log(), gateway.log()
        assert not upstream.forbidden.exists(), f"forwarded: {upstream.forbidden.read_text()}"
        assert not any(kind.startswith("FORBIDDEN") for kind in load.results), load.results
        assert gateway.stop() == 0, gateway.log()
    finally:
        if load:
            load.stop()
        gateway.kill()
        upstream.kill()


def wait_until(condition, seconds, what):
    latest = time.monotonic() + seconds
    while time.monotonic() < latest:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def recovered(load):
    """Seconds from now until a request succeeds again; afterwards none fails."""
    begun = time.monotonic()
    wait_until(lambda: load.last_success > begun, RECOVERY, "requests succeed again")
    took = load.last_success - begun
    settled = time.monotonic() + RECOVERY - took
    time.sleep(max(0, settled - time.monotonic()) + 1)
    late = load.failed_since(settled)
    assert not late, f"still failing {RECOVERY} s after the fault: {late[:5]}"
    return took


def upstream_killed(folder):
    with service(folder) as (gateway, upstream, load):
        time.sleep(1)
        assert not load.failures, load.failures
        upstream.kill()
        time.sleep(2)
        assert load.results["status 502"] > 0, load.results
        failures = gateway.metric("portcullis_upstream_connect_failures_total")
        upstream.start()
        took = recovered(load)
        assert failures > 0
        return f"back after {took * 1000:.0f} ms; {load.results['status 502']} of {load.total} were 502, {failures:.0f} failures counted"


def upstream_slow(folder):
    return unanswered(folder, "slow")


def upstream_silent(folder):
    """An upstream that accepts and never answers: its connections must not take all there is."""
    return unanswered(folder, "silent")


def unanswered(folder, mode):
    with service(folder) as (gateway, upstream, load):
        upstream.replace(mode)
        time.sleep(3)
        assert gateway.status("/livez") == 200
        assert load.results["status 504"] > 0, load.results
        upstream.replace("well")
        took = recovered(load)
        return f"back after {took * 1000:.0f} ms; {load.results['status 504']} were 504"


def upstream_resets(folder):
    with service(folder) as (gateway, upstream, load):
        for mode in ("reset", "half"):
            upstream.replace(mode)
            time.sleep(1)
        assert load.results["status 502"] > 0, load.results
        upstream.replace("well")
        took = recovered(load)
        return f"back after {took * 1000:.0f} ms; {load.results['status 502']} were 502"


def name_fails_and_changes(folder):
    """The upstream's name is not known, then it is: /etc/hosts is of a mount namespace of its own."""
    if os.geteuid() or not shutil.which("unshare"):
        raise Skipped("it takes root and unshare")
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    upstream = Upstream(folder).start()
    prefix = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    more = "logs: { access: off }\n"
    gateway = Gateway(folder, f"http://bapi.invalid:{upstream.port}", more, prefix=prefix)
    gateway.file.write_text(gateway.file.read_text().replace("connectTimeout: 1s", "plaintext: allowed, connectTimeout: 1s"))
    load = None
    try:
        gateway.start()
        load = Load(gateway.port, 8, 200)
        wait_until(lambda: load.results["status 502"] > 0, 10, "a name that is not known is 502")
        assert gateway.metric("portcullis_upstream_connect_failures_total") > 0
        # in place: the bind mount is of this file
        hosts.write_text("127.0.0.1 localhost bapi.invalid\n")
        took = recovered(load)
        load.stop()
        assert not upstream.forbidden.exists()
        return f"back after {took * 1000:.0f} ms"
    finally:
        if load:
            load.stop()
        gateway.kill()
        upstream.kill()


def collector_hangs(folder):
    """A collector that accepts and never answers: requests do not wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
        with service(folder, environment=environment) as (gateway, upstream, load):
            # a span for each refusal and each sampled request: more than the queue takes
            wait_until(lambda: gateway.metric("portcullis_spans_dropped_total") > 0, 30, "spans are dropped and counted")
            assert not load.failures, load.failures[:5]
            return f"{gateway.metric('portcullis_spans_dropped_total'):.0f} spans dropped, no request of {load.total} failed"


def disk_full(folder):
    """No space for either log: requests go on, what is lost is counted, and lines are written again once there is space."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True).returncode:
        raise Skipped("a file system of its own takes root")
    try:
        more = f"logs: {{ access: {{ file: {disk}/access.log }} }}\ndecisionLog: {{ file: {disk}/decisions.jsonl, chain: true }}\n"
        with service(folder, more) as (gateway, upstream, load):
            lost = lambda: gateway.metric("portcullis_decision_log_dropped_total", "write_failed")  # noqa: E731
            wait_until(lambda: lost() > 0, 30, "lost decisions are counted")
            assert not load.failures, load.failures[:5]
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            time.sleep(2)
            before = lost()
            time.sleep(1)
            assert lost() == before, "decisions are still lost"
            assert not load.failures, load.failures[:5]
            load.stop()
            assert gateway.stop() == 0
            verified = subprocess.run([PROGRAM, "verify-log", disk / "decisions.jsonl"], capture_output=True, text=True)
            whole = [entry for entry in decisions(disk / "decisions.jsonl") if entry is not None]
            gateway.start()
            # the loss is a gap that the log itself shows
            assert verified.returncode == 4 and "the file could not be written" in verified.stdout, verified
            return f"{before:.0f} decisions lost and counted, {len(whole)} lines whole, no request failed"
    finally:
        subprocess.run(["umount", "-l", disk])


def descriptors_exhausted(folder):
    """Far fewer descriptors than connections: some clients wait, and none is served wrong."""
    prefix = ["sh", "-c", 'ulimit -n 96; exec "$@"', "sh"]
    with service(folder, rate=300, connections=150, prefix=prefix) as (gateway, upstream, load):
        time.sleep(4)
        assert gateway.process.poll() is None
        served = load.results["as it should be"]
        assert served > 0, load.results
        load.stop()
        # the kernel still has some that were given up
        time.sleep(1)
        with_few = Load(gateway.port, 4, 100)
        took = recovered(with_few)
        with_few.stop()
        assert not with_few.failures, with_few.failures[:5]
        refused = gateway.metric("portcullis_connections_refused_total", "overloaded")
        assert refused > 0
        return f"{served} served with 96 descriptors for 150 connections, {refused:.0f} refused; back after {took * 1000:.0f} ms"


def clock_jumps(folder):
    """The clock is a year ahead, then back: limits and waivers follow it, and nothing hangs."""
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
    if not library:
        raise Skipped("it takes libfaketime (apt: faketime)")
    clock = folder / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_UPDATE_TIMESTAMP_FILE": "0",
    }
    with service(folder, environment=environment) as (gateway, upstream, load):
        for offset in ("+365d", "-365d", "+0"):
            clock.write_text(offset + "\n")
            time.sleep(1)
        assert not load.failures, load.failures[:5]
        return f"no request of {load.total} failed"


def killed_during_reloads(folder):
    """kill -9 while policies are loaded and the decision log is rotated: the next start has sound files."""
    more = f"logs: {{ access: off }}\ndecisionLog: {{ file: {folder}/decisions.jsonl, chain: true, maxBytes: 65536, compression: gzip }}\n"
    with service(folder, more) as (gateway, upstream, load):
        for turn in range(6):
            for change in range(3):
                gateway.change_policy(f"{turn}-{change}")
                gateway.signal(signal.SIGHUP)
                time.sleep(random.uniform(0.02, 0.15))
            gateway.process.send_signal(signal.SIGKILL)
            gateway.process.wait()
            gateway.start()
        took = recovered(load)
        load.stop()
        assert gateway.stop() == 0
        verified = subprocess.run([PROGRAM, "verify-log", folder / "decisions.jsonl"], capture_output=True, text=True)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        gateway.start()
        return f"6 times; back after {took * 1000:.0f} ms, and the chain of the log is whole"


def reloads_under_load(folder):
    """A thousand reloads: no request fails, and memory stays."""
    with service(folder, rate=300) as (gateway, upstream, load):
        loaded = lambda: gateway.metric("portcullis_reloads_total", "loaded")  # noqa: E731
        for turn in range(1000):
            if turn == 100:
                before = gateway.resident_kib()
            wanted = loaded() + 1
            gateway.change_policy(turn)
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: loaded() >= wanted, 10, "the policies are loaded")
        growth = (gateway.resident_kib() - before) / 1024
        assert not load.failures, load.failures[:5]
        assert growth < 2, f"memory grew by {growth:.1f} MiB"
        return f"no request of {load.total} failed; memory grew by {growth:.1f} MiB"


def upgrades(folder):
    """Twenty takeovers, and twenty stops and starts with sockets of a service manager: no connection refused, no request failed."""
    upstream = Upstream(folder).start()
    gateway = Gateway(folder, f"http://127.0.0.1:{upstream.port}", "logs: { access: off }\n")
    point, load = str(folder / "takeover.sock"), None
    try:
        gateway.start("--takeover", point)
        load = Load(gateway.port, 16)
        for _ in range(20):
            before = gateway.process
            gateway.start("--takeover", point)
            assert before.wait(30) == 0, gateway.log()
        load.stop()
        assert not load.failures, load.failures[:5]
        by_takeover = load.total
        gateway.kill()
        with contextlib.ExitStack() as sockets:
            held = [
                sockets.enter_context(socket.create_server(("127.0.0.1", port), backlog=1024))
                for port in (gateway.port, gateway.admin)
            ]
            first, second = (one.fileno() for one in held)
            # as systemd does it: descriptors from 3 on, and the number of the process that they are for
            script = f'exec 13<&{first} 14<&{second}; exec 3<&13 4<&14 13<&- 14<&-; LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"'
            gateway.prefix = ["bash", "-c", script, "bash"]
            with_sockets(gateway, held)
            load = Load(gateway.port, 16)
            for _ in range(20):
                assert gateway.stop() == 0, gateway.log()
                with_sockets(gateway, held)
            load.stop()
            assert not load.failures, load.failures[:5]
        assert not upstream.forbidden.exists()
        return f"no request of {by_takeover} and {load.total} failed"
    finally:
        if load:
            load.stop()
        gateway.kill()
        upstream.kill()


def with_sockets(gateway, held):
    """Starts the gateway, which inherits the sockets."""
    command = [*gateway.prefix, str(PROGRAM), "run", "--config", str(gateway.file)]
    with open(gateway.folder / "gateway.log", "ab") as log:
        gateway.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, pass_fds=[one.fileno() for one in held]
        )
    gateway.wait_until_ready()


def drain(folder):
    """Stops under load, again and again: each request that was sent has its response."""
    upstream = Upstream(folder).start()
    gateway = Gateway(folder, f"http://127.0.0.1:{upstream.port}", "logs: { access: off }\n")
    total, lost = 0, []
    try:
        for _ in range(30):
            gateway.start()
            load = Load(gateway.port, 16)
            time.sleep(0.7)
            gateway.signal(signal.SIGTERM)
            assert gateway.process.wait(30) == 0
            load.stop()
            # after the end connections are refused; before it none may break
            lost += [kind for _, kind in load.failures if kind not in ("ConnectionRefusedError",)]
            total += load.results["as it should be"]
        assert not lost, lost[:5]
        return f"no request of {total} lost in 30 stops"
    finally:
        gateway.kill()
        upstream.kill()


def slow_network(folder):
    """Delay and loss between client, gateway and upstream, in a network of its own."""
    if os.geteuid() or not shutil.which("tc") or not shutil.which("ip"):
        raise Skipped("it takes root, and ip and tc (apt: iproute2)")
    name = f"faults{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        raise Skipped("this machine gives no network namespace")
    inside = ["ip", "netns", "exec", name]
    try:
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        netem = ["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "20ms", "5ms", "loss", "2%"]
        if subprocess.run([*inside, *netem], capture_output=True).returncode:
            raise Skipped("this kernel has no netem")
        code = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import scenarios, pathlib; scenarios.in_slow_network(pathlib.Path(sys.argv[2]))"
        here = os.path.dirname(os.path.abspath(__file__))
        run = subprocess.run([*inside, "python3", "-c", code, here, folder], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout.strip()
    finally:
        subprocess.run(["ip", "netns", "delete", name])


def in_slow_network(folder):
    with service(folder, rate=None) as (gateway, upstream, load):
        time.sleep(5)
        assert load.results["as it should be"] > 100, load.results
        bad = {kind: count for kind, count in load.results.items() if kind not in ("as it should be", "status 504", "status 502")}
        assert not bad, bad
        print(f"{load.results['as it should be']} of {load.total} as they should be with 20 ms and 2 % loss each way")


ALL = [
    upstream_killed,
    upstream_slow,
    upstream_resets,
    upstream_silent,
    name_fails_and_changes,
    collector_hangs,
    disk_full,
    descriptors_exhausted,
    clock_jumps,
    killed_during_reloads,
    reloads_under_load,
    upgrades,
    drain,
    slow_network,
]
