"""The words of a quality code: IEEE 2030.5 flags and causes. `city.quality` packs them; nothing heavy is imported here."""

from enum import IntEnum, IntFlag


class Flag(IntFlag):
    """IEEE 2030.5 quality flags; a reading that is neither valid nor one of the estimates has no usable value."""

    VALID = 1
    EDITED = 2
    ESTIMATED_LIKE_DAY = 4
    ESTIMATED_LINEAR = 8
    QUESTIONABLE = 16
    DERIVED = 32
    PROJECTED = 64


class Cause(IntEnum):
    """Why a reading is not simply valid: what acquisition met (1..31), what validation found (32..)."""

    NONE = 0
    TIMEOUT = 1
    NO_CONNECTION = 2
    REFUSED = 3  # a Modbus exception reply: the device does not have this function, address or value
    INVALID_REPLY = 4  # wrong in a way that has no word of its own below
    NOT_IMPLEMENTED = 5  # the device's own sentinel for "no value"
    OUT_OF_MAP = 6  # decoded, but outside the range of its register map
    OVERRUN = 7  # the slot passed before its turn came
    UNIT_BACKOFF = 8  # not asked: the unit failed before and its pause is not over
    WRONG_METER = 9  # the device says another serial number than city.toml
    CLOCK = 10  # the clock it was read by, or its own, was not to be trusted
    WRONG_TRANSACTION = 11
    WRONG_PROTOCOL = 12
    WRONG_UNIT = 13
    WRONG_FUNCTION = 14
    WRONG_LENGTH = 15
    WRONG_BYTE_COUNT = 16
    WRONG_REGISTER_COUNT = 17
    STALE = 18  # the reply to an earlier request
    DUPLICATE = 19  # the same reply once more
    DRIP = 20  # bytes kept coming, too slowly for the deadline
    TRUNCATED = 21
    OVERSIZE = 22  # bytes behind the end of the frame
    GARBAGE = 23
    WRONG_CHECKSUM = 24
    DEVICE_BUSY = 25  # exceptions 5 and 6
    DEVICE_FAILURE = 26  # exceptions 4 and 8
    GATEWAY = 27  # exceptions 10 and 11: the gateway has no path to the unit, or the unit does not answer it
    GAP = 32
    LIMIT = 33
    SPIKE = 34
    FLAT = 35
    ROLLOVER = 36
    RESET = 37
    EXCHANGE = 38  # the meter was exchanged within the interval
    SUM_CHECK = 39  # intervals and register disagree
    HIGH_USAGE = 40
    LOW_USAGE = 41
    NEGATIVE = 42
    REVERSE_FLOW = 43
    NIGHT_MINIMUM = 44
    TIME_TOLERANCE = 45  # read too far from its time


# As read: the device answered, whatever its answer is worth. Every other cause of acquisition is a missing or refused answer.
ANSWERED = frozenset({Cause.NONE, Cause.NOT_IMPLEMENTED, Cause.OUT_OF_MAP, Cause.WRONG_METER, Cause.CLOCK})
