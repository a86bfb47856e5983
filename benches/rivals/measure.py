"""What a proxy costs: its CPU time and memory by /proc, and its load by wrk."""
import json
import os
import pathlib
import subprocess
import sys

TICKS = os.sysconf("SC_CLK_TCK")
# wrk prints no p99.9 and no list of statuses by itself; times are in microseconds
DONE = """
done = function(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %d, "microseconds": %d, "refused": %d, "failed": %d, "p50": %d, "p99": %d, "p99.9": %d}\\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"""


def family(pid):
    """A process and all that descend from it: nginx and haproxy have workers of their own."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu(pid):
    """User and system time in seconds, of all threads of the family."""
    fields = [pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split() for member in family(pid)]
    return tuple(sum(int(each[index]) for each in fields) / TICKS for index in (11, 12))


def resident_mib(pid):
    """Resident memory of the family. Pages that its processes share count once for each."""
    pages = sum(int(pathlib.Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_script(file, method, headers, body):
    """The script by which wrk sends a request."""
    lines = [f'wrk.method = "{method}"', *(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())]
    file.write_text("\n".join(lines + ([f"wrk.body = [[{body}]]"] if body else [])) + DONE)


def load(url, script, connections, seconds, cores):
    """The result of one load."""
    command = ["taskset", "-c", cores, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    result = next((line for line in out.splitlines() if line.startswith("RESULT ")), None)
    if not result:
        sys.exit(f"wrk {url}: {out}")
    return json.loads(result.removeprefix("RESULT "))


def one_round(pid, *arguments):
    """One load of a proxy. The costs are in microseconds a request; `pid` is None where there is no proxy."""
    before = cpu(pid) if pid else (0, 0)
    result = load(*arguments)
    after = cpu(pid) if pid else (0, 0)
    user, system = ((end - begin) * 1e6 / result["requests"] for begin, end in zip(before, after))
    seconds = result["microseconds"] / 1e6
    return {**result, "user": user, "system": system, "cpu": user + system, "rate": result["requests"] / seconds,
            "busy": (user + system) * result["requests"] / result["microseconds"]}
