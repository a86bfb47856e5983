"""What a comparison runs in: a folder, certificates, ports, the upstream and the collector; and what it ends."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
ANSWER = json.dumps({"id": "user_1", "object": "user", "first_name": "Ada", "padding": "x" * 900})


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def nginx_conf(folder, main, http, workers=1):
    """A configuration of nginx that writes below `folder` only. The master of one worker would only cost memory."""
    paths = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    single = "master_process off; " if workers == 1 else ""
    file = folder / "nginx.conf"
    file.write_text(f"""daemon off; {single}worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log;
{main}
events {{ worker_connections 4096; }}
http {{ access_log off; {paths} keepalive_requests 100000000; keepalive_timeout 1h; default_type application/json;
client_body_buffer_size 256k;
{http}
}}
""")
    return [NGINX, "-e", f"{folder}/error.log", "-c", str(file)]


class Rig:
    """One setting of the comparison. Everything that it started ends with it."""

    def __init__(self, tls, workers, cores):
        self.tls, self.workers = tls, workers
        self.proxy_cores, self.load_cores = cores
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-rivals-"))
        self.running = []

    def __enter__(self):
        self.make_certificates()
        self.start_upstream()
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_certificates(self):
        """`ca.pem`, and `server.pem` with `server.key` by it, for this folder's life."""
        self.ca, self.certificate, self.key = (self.folder / name for name in ("ca.pem", "server.pem", "server.key"))
        new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        for command in (
            [*new, "-x509", "-subj", "/CN=bench-ca", "-keyout", f"{self.folder}/ca.key", "-out", self.ca],
            [*new, "-subj", "/CN=localhost", "-keyout", self.key, "-out", f"{self.folder}/server.csr"],
            ["openssl", "x509", "-req", "-days", "2", "-in", f"{self.folder}/server.csr", "-CA", self.ca, "-CAkey", f"{self.folder}/ca.key",
             "-CAcreateserial", "-extfile", f"{self.folder}/names", "-out", self.certificate],
        ):
            subprocess.run(command, check=True, capture_output=True)

    def start_upstream(self):
        """One nginx is the upstream, with and without TLS, and the collector. All share the load's core."""
        self.plain, self.secure, self.collector, folder = free_port(), free_port(), free_port(), self.folder / "upstream"
        folder.mkdir()
        self.exported = folder / "exported"
        answer = f"location / {{ return 200 '{ANSWER}'; }}"
        command = nginx_conf(folder, "", f"""log_format size $request_length;
server {{ listen 127.0.0.1:{self.plain} backlog=4096; {answer} }}
server {{ listen 127.0.0.1:{self.secure} ssl backlog=4096; ssl_protocols TLSv1.3; ssl_certificate {self.certificate};
  ssl_certificate_key {self.key}; {answer} }}
server {{ listen 127.0.0.1:{self.collector}; client_max_body_size 64m; access_log {self.exported} size; return 200; }}""")
        self.start(command, self.plain, self.load_cores)

    def upstream(self):
        """Scheme and port of the upstream that the proxies use."""
        return ("https", self.secure) if self.tls == "up" else ("http", self.plain)

    def scheme(self):
        """The scheme by which clients reach the proxies."""
        return "https" if self.tls == "down" else "http"

    def start(self, command, port, cores=None, **options):
        """The process of a command, once it listens."""
        errors = open(self.folder / "errors.log", "ab")
        options = {"stdout": errors, **options}
        command = ["taskset", "-c", cores or self.proxy_cores, *map(str, command)]
        self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, **options))
        for _ in range(400):
            if self.running[-1].poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return self.running[-1]
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{command[3]} does not listen: {(self.folder / 'errors.log').read_text()[-2000:]}")
