#!/usr/bin/env python3
"""How one process scales: workers, idle connections, policies, long streams, and long bodies beside short ones.

    cargo build --release && benches/scale.py [NAME...]     all, or some of: workers idle policies streams waits

Needs nginx, wrk and valgrind. Each line has a value and its target. What needs a core to itself has core 0; load and upstream share
core 1.

- workers: a process with 1 worker and one with 2 are loaded at the same time on both cores, which load and upstream share, with 32
  connections a worker. Two cores have no room to saturate two workers and their load, so that what is compared is the CPU time of
  a request: twice that of 1 worker divided by that of 2. It has what workers cost each other on the way, such as cache lines and
  locks that spin; not a wait for a lock.
- idle: connections that were used once, when they have been idle for 15 s.
- policies: instructions of a request (callgrind) with 200 policies, to those with the 5 of them that match.
- streams: 1 GiB up and down through the gateway and through nginx, in turns.
- waits: a short request to a worker that judges bodies of 256 KiB, one after another: the CPU time that the gateway uses between it
  and its response, less the median without long bodies. What else the machine does is not in it; the latency is shown besides.
"""
import multiprocessing
import os
import pathlib
import re
import resource
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from end_to_end import BODY, PAIRS, PAIR_SECONDS, POLICIES, ROOT, answered, begin_load, configuration, cpu_seconds, free_port, nginx, patch_script, resident_kib, start, wait_for  # noqa: E402
from instructions import OFF, Scenario, measure, metadata  # noqa: E402
from limits import HEAD, ask, connect, idle_connections, raise_descriptors  # noqa: E402
from upstream import Upstream  # noqa: E402

PROGRAM = os.environ.get("PORTCULLIS_PROGRAM", str(ROOT / "target/release/portcullis"))
MIB, STREAMED = 1 << 20, 1 << 30
ANSWER = b'{"id":"user_1"}'


def gateway(folder, name, origin, options="workers: 1", cores="0"):
    """The process of a gateway, and its port."""
    port, file = free_port(), configuration(folder, name, OFF)
    file.write_text(f'{file.read_text()}listen: 127.0.0.1:{port}\nupstream: {{ url: "http://127.0.0.1:{origin}" }}\n'
                    f'admin: {{ listen: "off" }}\n{options}\n')
    with open(folder / f"{name}.errors", "w") as errors:
        process = start(cores, [PROGRAM, "run", "--config", str(file)], stderr=errors, stdout=errors)
    wait_for(port, process=process)
    return process, port


def origin(folder, name="origin"):
    port = free_port()
    return nginx(folder / name, 1, port, ("", f"return 200 '{ANSWER.decode()}';")), port


def tell(what, value, target, is_met, more=""):
    print(f"{what:<44} {value:>12}   target {target:<14} {'ok' if is_met else 'MISSED'}{more and f'   {more}'}", flush=True)


def worker_seconds(process):
    """The CPU time of each worker thread."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
    return [int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks if (task / "comm").read_text().startswith("worker-")]


def workers(folder, running):
    script, rates, balances = patch_script(folder), [], []
    for count in (1, 2):
        running.append(origin(folder, f"origin-{count}"))
        running.append(gateway(folder, f"workers-{count}", running[-1][1], f"workers: {count}", "0,1"))
    pair = [running[-3], running[-1]]
    os.sched_setaffinity(0, {0, 1})
    for turn in range(PAIRS + 1):
        before = [worker_seconds(process) for process, _ in pair]
        # as many connections for each worker
        loads = [begin_load(port, script, PAIR_SECONDS, 32 * count, "0,1") for (_, port), count in zip(pair, (1, 2))]
        served = [answered(load)[0] for load in loads]
        used = [[after - begun for after, begun in zip(worker_seconds(process), start_of_it)]
                for (process, _), start_of_it in zip(pair, before)]
        if turn:
            rates.append(2 * (sum(used[0]) / served[0]) / (sum(used[1]) / served[1]))
            balances.append(min(used[1]) / max(used[1]))
    os.sched_setaffinity(0, {1})
    rate = statistics.median(rates)
    tell("2 workers to 1, by CPU a request", f"{rate:.2f}", ">= 1.9", rate >= 1.9,
         f"{min(rates):.2f} to {max(rates):.2f}; the less busy of 2 had {statistics.median(balances):.0%} of the other's CPU time")


def idle(folder, running):
    # the gateway keeps a descriptor to the upstream for each connection of a client
    count = min(10_000, raise_descriptors(30_000) // 2 - 200)
    running.append((None, Upstream(lambda _: ANSWER).port))
    running.append(gateway(folder, "idle", running[-1][1], "workers: 1\nlimits: { connections: 12000 }"))
    process, port = running[-1]
    # what the first requests make once for all is not of a connection
    for _ in range(300):
        with connect(port) as client:
            ask(client, HEAD.format("GET", ""))
    each, median = idle_connections(process, port, count, 15)
    tell(f"{count:,} idle connections, each", f"{each:.1f} KiB", "<= 12 KiB", each <= 12, f"a new connection and request beside them {median:.2f} ms")


def policy_files(folder, scope, count):
    """Policies that do not match the request: of another operation, or of the other environment."""
    source = (ROOT / "policies/no-skip-password-checks.yaml").read_text()
    source = re.sub(r"operations: .*\n\s*environments: .*", scope, source)
    made = folder / re.sub(r"\W+", "-", scope)
    made.mkdir()
    for number in range(count):
        (made / f"p{number}.yaml").write_text(source.replace("name: no-skip-password-checks", f"name: p{number}"))
    return made


def policies(folder, running):
    matching = tuple(ROOT / "policies" / f"{policy}.yaml" for policy in POLICIES if policy != "metadata-size")
    upstream = f'{{ url: "http://127.0.0.1:{Upstream(lambda _: ANSWER).port}" }}'
    five = measure(PROGRAM, Scenario(access=OFF, policies=matching), upstream)
    # the request is one of the development environment, to UpdateUser
    for what, scope in [("of other operations", "operations: [CreateUser]"),
                        ("for production", "operations: [UpdateUser]\n    environments: [production]")]:
        many = measure(PROGRAM, Scenario(access=OFF, policies=(*matching, policy_files(folder, scope, 195))), upstream)
        tell(f"200 policies to 5, 195 {what}", f"{many / five:.3f}", "<= 1.10", many <= 1.1 * five, f"{many:,} and {five:,} instructions")


class Streams:
    """An upstream that reads what it is sent, whatever it is, and sends as much as it is asked for."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, client):
        piece = bytearray(MIB)
        with client:
            while read := client.recv(65536):
                head, _, rest = read.partition(b"\r\n\r\n")
                if head.startswith(b"GET"):
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % STREAMED)
                    for _ in range(STREAMED // MIB):
                        client.sendall(piece)
                else:
                    left = STREAMED - len(rest)
                    while left:
                        left -= client.recv_into(piece)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def stream(port, is_upload):
    """Seconds that 1 GiB takes."""
    piece, began = bytearray(MIB), time.perf_counter()
    with connect(port) as client:
        if is_upload:
            client.sendall(HEAD.format("POST", f"Content-Length: {STREAMED}\r\n").replace("user_1 ", "user_1/profile_image ").encode())
            for _ in range(STREAMED // MIB):
                client.sendall(piece)
            if not client.recv(65536).startswith(b"HTTP/1.1 200"):
                sys.exit("the upload was refused")
        else:
            client.sendall(HEAD.format("GET", "").encode())
            left = STREAMED
            while left > 0 and (read := client.recv_into(piece)):
                left -= read
            if left > 0:
                sys.exit("the download broke off")
    return time.perf_counter() - began


def streams(folder, running):
    upstream, bare = Streams().port, free_port()
    running.append((nginx(folder / "bare", 0, bare, (
        f"upstream bapi {{ server 127.0.0.1:{upstream}; keepalive 8; }}",
        'proxy_pass http://bapi; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; '
        'client_max_body_size 0; proxy_max_temp_file_size 0;')), bare))
    running.append(gateway(folder, "streams", upstream))
    pair = running[-2:]
    for is_upload in (True, False):
        times, costs, grown = ([], []), ([], []), []
        for turn in range(2 * int(os.environ.get("STREAMS", 4))):
            at = turn % 2
            process, port = pair[at]
            cpu, memory = cpu_seconds(process), resident_kib(process)
            times[at].append(stream(port, is_upload))
            costs[at].append(cpu_seconds(process) - cpu)
            if at:
                grown.append(resident_kib(process) - memory)
        ratio = statistics.median(ours / theirs for theirs, ours in zip(*times))
        cpu = [statistics.median(each) for each in costs]
        rates = [STREAMED / MIB / statistics.median(each) for each in times]
        tell(f"1 GiB {'up' if is_upload else 'down'}, time to nginx's", f"{ratio:.2f}", "<= 1.05", ratio <= 1.05,
             f"{rates[1]:,.0f} and {rates[0]:,.0f} MiB/s; {cpu[1]:.2f} and {cpu[0]:.2f} s CPU")
        tell("    memory grows by at most", f"{max(grown)} KiB", "<= 1024 KiB", max(grown) <= 1024)


def cpu_now(process):
    """The CPU time of a process to the nanosecond, by its clock (`clock_getcpuclockid`)."""
    return time.clock_gettime(~process.pid << 3 | 2)


def waits(folder, running):
    running.append(origin(folder))
    running.append(gateway(folder, "waits", running[-1][1]))
    process, port = running[-1]
    times, costs = {"alone": [], "beside": []}, {"alone": [], "beside": []}
    long, short = metadata(250 * 1024).encode(), BODY.encode()
    head = HEAD.replace("sk_live", "sk_test")
    judged = multiprocessing.Value("L")

    def judge():
        with connect(port) as client:
            while True:
                if not ask(client, head.format("PATCH", f"Content-Length: {len(long)}\r\n"), long).startswith(b"HTTP/1.1 200"):
                    sys.exit("a long body was refused")
                judged.value += 1

    for name in times:
        # a process of its own, which does not delay the clock of the short requests
        judging = multiprocessing.get_context("fork").Process(target=judge, daemon=True)
        if name == "beside":
            judging.start()
        with connect(port) as client:
            for _ in range(3000):
                used, began = cpu_now(process), time.perf_counter()
                ask(client, head.format("PATCH", f"Content-Length: {len(short)}\r\n"), short)
                times[name].append((time.perf_counter() - began) * 1e3)
                costs[name].append((cpu_now(process) - used) * 1e3)
                time.sleep(0.0005)
    judging.terminate()
    wait = max(costs["beside"]) - statistics.median(costs["alone"])
    p50, p99 = (statistics.quantiles(costs["beside"], n=100)[at] - statistics.median(costs["alone"]) for at in (49, 98))
    latency = {name: f"{statistics.median(each):.2f}, p99 {statistics.quantiles(each, n=100)[98]:.2f}, longest {max(each):.2f} ms"
               for name, each in times.items()}
    tell("longest wait behind 256 KiB bodies", f"{wait:.2f} ms", "<= 2 ms", wait <= 2,
         f"median {p50:.2f}, p99 {p99:.2f} ms, {judged.value} bodies; latency alone {latency['alone']}, beside {latency['beside']}")


def main():
    measures = {each.__name__: each for each in (workers, idle, policies, streams, waits)}
    os.sched_setaffinity(0, {1})
    for name in sys.argv[1:] or measures:
        with tempfile.TemporaryDirectory(prefix="portcullis-scale-") as folder:
            running = []
            try:
                measures[name](pathlib.Path(folder), running)
            finally:
                for process, _ in running:
                    if process:
                        process.terminate()
                        process.wait()


if __name__ == "__main__":
    main()
