"""The comparison as Markdown. Every figure is the median of the rounds."""
import datetime
import os
import pathlib
import re
import statistics

TITLES = {"judged": "{method}judged", "passed": "GET that is not inspected", "refused": "refused: `skip_password_checks`"}
TLS = {"none": "no TLS", "down": "TLS towards clients", "up": "TLS 1.3 towards the upstream"}


def print_head(proxies):
    """Machine, date and versions; and what is missing."""
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores, {model[1] if model else os.uname().machine}; "
          f"Linux {os.uname().release}; load average {os.getloadavg()[0]:.1f} at the start")
    versions = {proxy.title.split(",")[0].split(" ")[0]: version for proxy, version in proxies if version}
    print("\n" + "; ".join(f"{name} {version}" for name, version in versions.items()))
    for proxy, version in proxies:
        if not version:
            print(f"\nmissing: {proxy.title}: `{proxy.install}`")


def print_section(workload, length, setting, rig, rows):
    """One table: a line for each proxy, beside the upstream without one."""
    tls, connections, workers, _ = setting
    shared = ", of which the load shares one" if rig.load_cores in rig.proxy_cores.split(",") else ""
    what = TITLES[workload].format(method="`PATCH` ")
    print(f"\n### {what}, {length:,} bytes, {connections} connections, {TLS[tls]}, {workers} worker{'s' if workers > 1 else ''}{shared}\n")
    print("| | CPU a request | user + system | to nginx | to nginx + Lua | requests a second | cores busy | p50 | p99 | p99.9 | resident |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    direct = [median(rows["direct"][1], key) for key in ("p50", "p99", "p99.9")]
    print(f"| direct | | | | | {median(rows['direct'][1], 'rate'):,.0f} | | {' | '.join(f'{time / 1000:.2f} ms' for time in direct)} | |")
    for name, (title, rounds) in rows.items():
        if name == "direct":
            continue
        added = [(median(rounds, key) - base) / 1000 for key, base in zip(("p50", "p99", "p99.9"), direct)]
        cells = [title, f"{median(rounds, 'cpu'):.1f} µs", f"{median(rounds, 'user'):.1f} + {median(rounds, 'system'):.1f}",
                 ratio(rows, name, "nginx"), ratio(rows, name, "nginx-lua"), f"{median(rounds, 'rate'):,.0f}",
                 f"{median(rounds, 'busy'):.2f}", *(f"{time:+.2f} ms" for time in added), f"{median(rounds, 'resident'):.0f} MiB"]
        print(f"| {' | '.join(cells)} |", flush=True)
    for title, rounds in rows.values():
        if failed := sum(each["failed"] for each in rounds):
            print(f"\n{title}: {failed} of {sum(each['requests'] for each in rounds):,} requests failed")


def print_summary(sections):
    """The CPU time of all sections in one table. A refused request is compared with nginx + Lua: nginx alone refuses none."""
    columns, titles = [], []
    for workload, length, (tls, connections, workers, _), rows in sections:
        short = {"judged": f"{length:,} bytes", "passed": "not inspected", "refused": "refused"}[workload]
        details = [*([f"TLS {tls}"] if tls != "none" else []), f"c = {connections}", *([f"{workers} workers"] if workers > 1 else [])]
        other = "nginx-lua" if workload == "refused" else "nginx"
        cells = {}
        for name, (title, rounds) in rows.items():
            if name != "direct":
                titles += [title] if title not in titles else []
                compared = ratio(rows, name, other)
                cells[title] = f"{median(rounds, 'cpu'):.1f}{f' ({compared})' if compared else ''}"
        columns.append((f"{short}, {', '.join(details)}", cells))
    print("\n### CPU a request in µs (ratio to nginx; of refused requests, to nginx + Lua)\n")
    print(f"| | {' | '.join(title for title, _ in columns)} |")
    print(f"| --- |{' --- |' * len(columns)}")
    for title in titles:
        print(f"| {title} | {' | '.join(cells.get(title, '') for _, cells in columns)} |")


def median(rounds, key):
    return statistics.median(each[key] for each in rounds)


def ratio(rows, name, other):
    """The median of the ratios of each round: what disturbs a round disturbs both."""
    if other not in rows:
        return ""
    return f"{statistics.median(one['cpu'] / two['cpu'] for one, two in zip(rows[name][1], rows[other][1])):.2f}"
