#!/usr/bin/env python3
"""A stand-in for the BAPI that fails as it is asked to: `upstream.py PORT MODE FILE`.

Modes: `well`; `slow` answers after 3 seconds; `reset` reads a request and resets the connection; `half` sends half of a response and
closes; `silent` accepts and never answers. FILE gets a line for each request whose body the policy forbids: none may arrive.
"""
import asyncio
import json
import re
import struct
import socket
import sys

ANSWER = b'{"id":"user_1","object":"user"}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)


async def serve(reader, writer, mode, forbidden):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head.lower())
            body = await reader.readexactly(int(length[1])) if length else b""
            if body and json.loads(body).get("skip_password_checks"):
                with open(forbidden, "a") as file:
                    file.write(body.decode() + "\n")
            if mode == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            if mode == "half":
                writer.write(HEAD + ANSWER[:5])
                await writer.drain()
                return
            if mode == "silent":
                await asyncio.sleep(3600)
            if mode == "slow":
                await asyncio.sleep(3)
            writer.write(HEAD + ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port, mode, forbidden):
    server = await asyncio.start_server(lambda r, w: serve(r, w, mode, forbidden), "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
