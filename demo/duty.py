"""The duty officer's end of the demo's webhook: takes what is signed, fresh and new, and keeps it as a line of told.jsonl.

`python -m demo.duty --port PORT --into FILE`; the key is in PENSTOCK_NOTIFY_SECRETS under "duty".
"""

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from service.notices.signing import key, verified

MOST = 1 << 20  # of a message [bytes]


def serve(port: int, into: Path, secret: bytes, lifetime_s: float) -> None:
    """Listen on the loopback address until stopped, or for `lifetime_s` [s]."""

    class Duty(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, MOST))
            told = {name.lower(): value for name, value in self.headers.items()}
            genuine = length <= MOST and verified(told, body, secret, time.time())
            if genuine and told["webhook-id"] not in _seen(into):
                line = {"id": told["webhook-id"], **json.loads(body)}
                with into.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.send_response(204 if genuine else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", port), Duty)
    ends = threading.Timer(lifetime_s, server.shutdown)
    ends.daemon = True
    ends.start()
    sys.stdout.write(f"listening on {server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)


class _Server(HTTPServer):
    """Ends with the process that started it, however that ended: a demo that was killed can be started again at once."""

    parent = os.getppid()

    def service_actions(self) -> None:
        if os.getppid() != self.parent:
            raise SystemExit


def _seen(into: Path) -> set[str]:
    return {json.loads(line)["id"] for line in into.read_text(encoding="utf-8").splitlines()} if into.exists() else set()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the duty officer of the demo")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--lifetime", type=float, default=3600.0)
    asked = parser.parse_args()
    held = json.loads(os.environ["PENSTOCK_NOTIFY_SECRETS"])["duty"]
    serve(asked.port, asked.into, key(held, "duty"), asked.lifetime)
