"""A broker nobody here wrote, in a process of its own: `python amqtt_broker.py PORT [CERTIFICATE KEY]` prints `listening on PORT`."""

import asyncio
import logging
import sys

from amqtt.broker import Broker


async def main(port: int, tls: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if tls:
        listener |= {"ssl": True, "certfile": tls[0], "keyfile": tls[1]}
    # a name is asked for: it keeps no session for nameless clients
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}}
    broker = Broker({"listeners": {"default": listener}, "plugins": plugins})
    await broker.start()
    sockets = [place for server in broker._servers.values() for place in server.instance.sockets]
    sys.stdout.write(f"listening on {sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.sleep(120)  # no test takes longer


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
