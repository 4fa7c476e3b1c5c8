"""Modbus through pymodbus' client: TCP, TLS, RTU over TCP and serial RTU. The only module that uses that client.

By itself pymodbus 3.16 takes some invalid replies for values (too few or too many registers, the reply to another function, an echo
of the request, bytes behind the frame) and waits out the timeout when the peer closes; here its trace hooks pass every byte
through `meters.links.exchange` first, and end the wait when the peer closes.
"""

import asyncio
import logging
import ssl
import termios
from typing import Self

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu import bit_message as bit
from pymodbus.pdu import register_message as register
from pymodbus.transport import CommParams, CommType

from city.problems import fault
from city.quality import Cause
from meters.links.asked import Asked
from meters.links.engine import Engine
from meters.links.strict import LONGEST_RTU, LinkFault
from meters.links.transports import LinkConfig

_SILENCE_S = 0.05  # RTU: what is wrong ends when the line is silent; 3.5 characters, with room for the delays of USB and gateways
_UNCHECKED_BYTES = 1 << 20  # pymodbus throws away longer input unseen and waits; here it is seen, and refused at once
_KINDS = {"tcp": CommType.TCP, "tls": CommType.TLS, "rtu+tcp": CommType.TCP, "serial": CommType.SERIAL}
_REQUESTS: dict[int, type[ModbusPDU]] = {
    1: bit.ReadCoilsRequest,
    2: bit.ReadDiscreteInputsRequest,
    3: register.ReadHoldingRegistersRequest,
    4: register.ReadInputRegistersRequest,
    5: bit.WriteSingleCoilRequest,
    6: register.WriteSingleRegisterRequest,
    15: bit.WriteMultipleCoilsRequest,
    16: register.WriteMultipleRegistersRequest,
}
# Its warnings repeat, per frame, what the quality code of the reading already says.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class PymodbusEngine(Engine):
    """One connection or open serial line; one request at a time."""

    def __init__(self, config: LinkConfig, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        framer = FramerType.RTU if config.rtu else FramerType.SOCKET
        client = ModbusBaseClient(framer, 0, _parameters(config, tls), self._on_packet, None, self._on_connect)
        self._context = client.ctx
        self._context.max_buffer_size = _UNCHECKED_BYTES
        self._context.framer.decoder = _DECODER
        self._rtu = config.rtu
        self._open: Asked | None = None
        self._reply = b""
        self._wrong: LinkFault | None = None  # RTU: why the reply is none, as far as it came
        self._silence: asyncio.TimerHandle | None = None
        self._pause_s, self._late_until = config.timeout_s / 2, 0.0

    @classmethod
    async def connect(cls, config: LinkConfig, tls: ssl.SSLContext | None) -> Self:
        """See `Engine.connect`. (pymodbus' own `connect` says that it failed, but not why.)"""
        engine = cls(config, tls)
        try:
            engine._context.transport, _ = await engine._context.call_create()
        except OSError:  # of which some are also ValueErrors
            raise
        except (termios.error, ValueError) as error:  # the line cannot have this speed or parity
            raise OSError(f"{config.baud} baud, parity {config.parity}, {config.stop_bits} stop bits: {error}") from None
        return engine

    @property
    def connected(self) -> bool:
        return self._context.is_active()

    async def ask(self, asked: Asked, deadline: float) -> bytes:
        """See `Engine.ask`. Over RTU a request that could get the late reply to an equal one waits until that time is over."""
        if self.exchange.mistakable(asked):
            await asyncio.sleep(min(self._late_until, deadline) - self.loop.time())
            self.exchange.forget_late()
            if not self.connected or self.loop.time() >= deadline:
                raise LinkFault(Cause.OVERRUN, "the reply to an earlier request was waited for", reachable=False)
        kind = _REQUESTS[asked.function]
        if asked.is_read:
            pdu = kind(dev_id=asked.unit, address=asked.address, count=asked.count)
        elif asked.function in (5, 15):
            pdu = kind(dev_id=asked.unit, address=asked.address, bits=[bool(word) for word in asked.words])
        else:
            pdu = kind(dev_id=asked.unit, address=asked.address, registers=list(asked.words))
        self._open, self._wrong = asked, None
        self.end_at(deadline)
        try:
            await self._context.execute(False, pdu)
        except (ModbusException, OSError) as error:
            raise LinkFault(Cause.INVALID_REPLY, str(error)) from None
        finally:
            self._open = None
        return self._reply

    def fail(self, failure: LinkFault) -> None:
        self._hush()
        self.exchange.end()
        self._late_until = self.loop.time() + self._pause_s
        waiting = self._context.response_future
        if self._open is not None and not waiting.done():
            waiting.set_exception(self._wrong or failure)
        else:
            self.close()  # it speaks without being asked

    def close(self) -> None:
        self.no_alarm()
        self._hush()
        if self._context.transport:
            self._context.transport.abort()  # type: ignore[attr-defined]  # the end of TLS is not negotiated
        self._context.close()

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        """pymodbus shows every frame here first and decodes only what this returns."""
        if sending:
            asked = self._open
            if asked is None or not data.endswith(asked.request):
                raise fault("pymodbus", f"request {data.hex()}", "the request that was meant", "Report this: two encoders disagree.")
            self.exchange.begin(asked, data[: -len(asked.request)], self.loop.time())
            return data
        self._context.recv_buffer = b""  # what came is kept in `exchange`
        verdict = self.exchange.take(data, self.loop.time())
        if isinstance(verdict, LinkFault):
            self._failed(verdict)
            return b""
        self._hush()
        self._wrong = None
        if verdict is None:
            return b""
        self._reply = verdict
        self.exchange.end()
        return verdict

    def _failed(self, failure: LinkFault) -> None:
        """A wrong RTU frame ends when the line is silent, or is too long for one: its rest must not begin the next reply."""
        if self._rtu and self.exchange.asked is None:
            self.exchange.end()  # noise on the line
        elif self._rtu and failure.exception is None and len(self.exchange.received) <= LONGEST_RTU:
            self._wrong = failure
            self._hush()
            self._silence = self.loop.call_later(_SILENCE_S, self.fail, failure)
        else:
            self.fail(failure)

    def _hush(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _on_connect(self, connected: bool) -> None:
        if not connected:
            self.fail(self.exchange.lost("the peer closed the connection"))


def _parameters(config: LinkConfig, tls: ssl.SSLContext | None) -> CommParams:
    serial = config.at.scheme == "serial"
    return CommParams(
        comm_name=config.id,
        comm_type=_KINDS[config.at.scheme],
        reconnect_delay=0,
        timeout_connect=None,  # type: ignore[arg-type]  # no timer of its own: the deadline ends the wait
        host=config.at.path if serial else config.at.hostname or "",
        port=0 if serial else config.at.port or 0,
        sslctx=tls,
        baudrate=config.baud,
        bytesize=8,
        parity=config.parity[0].upper(),
        stopbits=config.stop_bits,
    )


class _Undecoded(ModbusPDU):
    """A reply whose values are taken from the checked frame; pymodbus only needs to see where it ends."""

    def __str__(self) -> str:
        return ""  # pymodbus spells out every register for its log, whether it is kept or not


def _decoder() -> DecodePDU:
    decoder = DecodePDU(False)
    for function in _REQUESTS:
        end = {"rtu_byte_count_pos": 2} if function < 5 else {"rtu_frame_size": 8}
        decoder.register(type(f"Reply{function}", (_Undecoded,), {"function_code": function, **end}))
    return decoder


_DECODER = _decoder()
