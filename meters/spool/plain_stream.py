"""Is an Arrow IPC stream as long as it looks? Its messages may be compressed once more, and then a few bytes state any number of rows.

Penstock writes none such; one that comes from outside is refused before anything of it is expanded.
Reference: Apache Arrow, Message.fbs; FlatBuffers, internals (a table's vtable lists where its fields lie, 0 for none).
"""

import struct

import pyarrow as pa

LONGEST = 80  # of a quantity's name [characters]: it is stated once and stands in every row
_HEADER_TYPE, _HEADER, _DATA, _COMPRESSION = 1, 2, 1, 3  # places of fields in Message, DictionaryBatch and RecordBatch
_DICTIONARY, _RECORDS = 2, 3  # values of header_type


def check_plain(content: bytes) -> None:
    """Raises `ValueError` for a stream with a message whose body is compressed, or that cannot be followed."""
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(content))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        if message is None:
            return
        try:
            if _compressed(message.metadata.to_pybytes()):
                raise ValueError("compressed within")
        except struct.error:
            raise ValueError("a message that leads outside itself") from None


def _compressed(meta: bytes) -> bool:
    message = struct.unpack_from("<I", meta, 0)[0]
    kind = _field(meta, message, _HEADER_TYPE)
    header = _field(meta, message, _HEADER)
    if not kind or not header or meta[kind] not in (_DICTIONARY, _RECORDS):
        return False
    table = _followed(meta, header)
    if meta[kind] == _DICTIONARY:
        data = _field(meta, table, _DATA)
        if not data:
            return False
        table = _followed(meta, data)
    return _field(meta, table, _COMPRESSION) != 0


def _field(meta: bytes, table: int, place: int) -> int:
    """Where a field of a table lies; 0 when it has none."""
    vtable = table - struct.unpack_from("<i", meta, table)[0]
    if vtable < 0:
        raise struct.error("outside")
    size = struct.unpack_from("<H", meta, vtable)[0]
    slot = 4 + 2 * place
    if slot + 2 > size:
        return 0
    offset = struct.unpack_from("<H", meta, vtable + slot)[0]
    if offset and table + offset >= len(meta):
        raise struct.error("outside")
    return table + offset if offset else 0


def _followed(meta: bytes, at: int) -> int:
    return int(at + struct.unpack_from("<I", meta, at)[0])
