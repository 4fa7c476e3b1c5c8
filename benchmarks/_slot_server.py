"""A Modbus/TCP server that answers every read with zeros, for `benchmarks.slot`: as little work as can be, in a process of its own."""

import asyncio
import struct


class Zeros(asyncio.Protocol):
    """Answers functions 3 and 4; one request per segment, as the client under test sends them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server makes no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        transaction, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", data)
        self._transport.write(struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count) + bytes(2 * count))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Zeros, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
