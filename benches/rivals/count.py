#!/usr/bin/env python3
"""Instructions in user space that proxies which check nothing take for a request, counted as benches/instructions.py counts.

    benches/rivals/count.py [PROGRAMS]    PROGRAMS is the folder with rival-hyper and rival-offsets; one not there is left out
"""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True
from instructions import ANSWER, FEW, MANY, Scenario, collected, free_port, send  # noqa: E402
from proxies import PROGRAMS  # noqa: E402
from rig import NGINX, nginx_conf  # noqa: E402
from upstream import Upstream  # noqa: E402


def nginx(folder, port, origin):
    return nginx_conf(folder, "", f"""upstream bapi {{ server 127.0.0.1:{origin}; keepalive 512; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://bapi; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}""")


def count(command, requests, origin):
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        options = [f"--callgrind-out-file={folder}/profile"]
        return collected(command(folder, port, origin), options, folder, port, lambda: send(port, Scenario(), Scenario().rounds(requests)), {})


def main():
    programs = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else PROGRAMS
    commands = {"nginx": nginx} if pathlib.Path(NGINX).exists() else {}
    for name, workers in (("rival-offsets", []), ("rival-hyper", ["1"])):
        if (programs / name).exists():
            commands[name] = lambda _, port, origin, name=name, workers=workers: [
                programs / name, f"127.0.0.1:{port}", f"127.0.0.1:{origin}", *workers]
    origin = Upstream(lambda _: ANSWER).port
    for name, command in commands.items():
        few, many = (count(command, requests, origin) for requests in (FEW, MANY))
        print(f"{name:16} {round((many - few) / (MANY - FEW)):>8,}", flush=True)


main()
