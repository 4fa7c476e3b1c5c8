"""A proxy that ends TLS before a server of this machine, as a utility's own does: `Host` and sockets pass, forwarding headers are added."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import trustme


@contextmanager
def before(url: str, folder: Path, careless: bool = False) -> Iterator[tuple[str, Path]]:
    """The proxy's https URL, and the authority that its certificate is of. `careless`: it passes on what others say was forwarded."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    at = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = (str(at.hostname), int(at.port or 80))
    thread = threading.Thread(target=_accept, args=(listener, context, upstream, careless), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}", folder / "authority.pem"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def _accept(listener: socket.socket, context: ssl.SSLContext, upstream: tuple[str, int], careless: bool) -> None:
    while True:
        try:
            raw, _ = listener.accept()
        except OSError:
            return  # closed: the test is over
        threading.Thread(target=_serve, args=(raw, context, upstream, careless), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, upstream: tuple[str, int], careless: bool) -> None:
    with suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as client, socket.create_connection(upstream) as server:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := client.recv(65_536)):
                return
            head += more
        head, body = head.split(b"\r\n\r\n", 1)
        server.sendall(forwarded(head, careless) + body)
        while True:  # one thread: a TLS socket is not read and written by two at once
            ready, _, _ = select.select([client, server], [], [], 60)
            for source, target in ((client, server), (server, client)):
                if source in ready:
                    if not (data := source.recv(65_536)):
                        return
                    target.sendall(data)
                    while source is client and client.pending():
                        server.sendall(client.recv(65_536))
            if not ready:
                return


def forwarded(head: bytes, careless: bool) -> bytes:
    """The head of a request as the proxy passes it on; one request for each connection, but for sockets."""
    first, *lines = head.split(b"\r\n")
    names = {line.split(b":")[0].lower() for line in lines}
    kept = [line for line in lines if careless or not line.lower().startswith((b"x-forwarded-", b"forwarded:"))]
    if b"upgrade" not in names:
        kept = [line for line in kept if not line.lower().startswith(b"connection:")] + [b"Connection: close"]
    told = [(b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-For", b"192.0.2.7")]
    kept += [name + b": " + value for name, value in told if not (careless and name.lower() in names)]
    return b"\r\n".join([first, *kept]) + b"\r\n\r\n"
