"""A long run at half load."""
import signal
import time

from gateway import Gateway, Upstream
from load import Load

WARM_UP = 120
RATE = 400
# a reload, and a restart of the upstream, each so many seconds
RELOAD, RESTART = 10, 60
MOST_GROWTH_MIB = 2


def soak(folder, minutes):
    """Prints the figures, and returns 0 if memory grew less than 2 MiB after the first two minutes."""
    upstream = Upstream(folder).start()
    more = f"logs: {{ access: {{ file: {folder}/access.log }} }}\ndecisionLog: {{ file: {folder}/decisions.jsonl, chain: true, keep: 2 }}\n"
    gateway = Gateway(folder, f"http://127.0.0.1:{upstream.port}", more).start()
    load, begun = Load(gateway.port, 32, RATE), time.monotonic()
    first, samples = None, []
    try:
        tick = 0
        while time.monotonic() - begun < minutes * 60:
            time.sleep(max(0, begun + tick * RELOAD - time.monotonic()))
            tick += 1
            gateway.change_policy(tick)
            gateway.signal(signal.SIGHUP)
            if tick % (RESTART // RELOAD) == 0:
                upstream.replace("well")
            if time.monotonic() - begun >= min(WARM_UP, minutes * 20):
                samples.append(gateway.resident_kib() / 1024)
        load.stop()
        # a minute at both ends, so that one peak decides nothing
        edge = max(1, min(6, len(samples) // 3))
        first, last = sum(samples[:edge]) / edge, sum(samples[-edge:]) / edge
        loaded = gateway.metric("portcullis_reloads_total", "loaded")
        results = ", ".join(f"{count:,} {kind}" for kind, count in load.results.most_common())
        print(f"{minutes:g} minutes, {load.total:,} requests: {results}")
        print(f"{loaded:.0f} reloads; resident {first:.1f} MiB after warm-up, {last:.1f} at the end, {max(samples):.1f} at most")
        good = last - first < MOST_GROWTH_MIB and not upstream.forbidden.exists() and gateway.stop() == 0
        print("ok" if good else "FAILED")
        return 0 if good else 1
    finally:
        load.stop()
        gateway.kill()
        upstream.kill()
