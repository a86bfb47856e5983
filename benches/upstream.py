"""An upstream on loopback, for benches whose responses differ by request or must not cost nginx's CPU."""
import re
import socket
import threading


class Upstream:
    """Answers each request with the JSON that `body_for` returns for its head, on connections that stay open."""

    def __init__(self, body_for):
        self.body_for = body_for
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        # thousands of connections at once, a thread each
        threading.stack_size(256 * 1024)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        read = b""
        try:
            while True:
                while b"\r\n\r\n" not in read:
                    part = client.recv(65536)
                    if not part:
                        return
                    read += part
                head, read = read.split(b"\r\n\r\n", 1)
                declared = re.search(rb"content-length: (\d+)", head.lower())
                length = int(declared[1]) if declared else 0
                while len(read) < length:
                    part = client.recv(65536)
                    if not part:
                        return
                    read += part
                read, body = read[length:], self.body_for(head)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            # the client closed, or the attack is over
            pass
