"""The record batches of an Arrow file or stream, looked at one by one before any is taken, since a
compressed one would be unpacked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from lopsided.files import UnfitError

#: What an Arrow file starts with; what comes then is a stream.
_MAGIC = b"ARROW1\0\0"
#: What it ends with.
_FOOT = b"ARROW1"
#: What a stream ends with.
_END = b"\xff\xff\xff\xff\0\0\0\0"
_CUT = "is damaged or truncated (it lacks its end)"


def batches_of(library: Any, whole: Any) -> tuple[Any, Iterator[Any]]:
    """Return the schema, and the record batches as they lie in memory.

    Args:
        library: pyarrow.
        whole: a buffer of the whole file.

    Raises:
        UnfitError: if the file is cut short, compressed, or codes columns by dictionaries.
    """
    reader = library.BufferReader(whole)
    if whole[: len(_MAGIC)].to_pybytes() == _MAGIC:
        if whole[-len(_FOOT) :].to_pybytes() != _FOOT:
            raise UnfitError(_CUT)
        reader.seek(len(_MAGIC))
    schema = library.ipc.read_schema(reader)
    return schema, _batches(library, reader, schema)


def _batches(library: Any, reader: Any, schema: Any) -> Iterator[Any]:
    messages = library.ipc.MessageReader.open_stream(reader)
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            break
        if message.type == "dictionary":
            raise UnfitError("codes a column by a dictionary; store it as plain numbers")
        if _is_compressed(message.metadata.to_pybytes()):
            raise UnfitError("is compressed; write it uncompressed, or as Parquet")
        yield library.ipc.read_record_batch(message, schema)
    reader.seek(max(reader.tell() - len(_END), 0))
    if reader.read(len(_END)) != _END:
        raise UnfitError(_CUT)


def _is_compressed(metadata: bytes) -> bool:
    """Return whether the header of a message with a record batch names a compression.

    It is a flatbuffer: a table starts with the distance back to the list of its fields, which has
    its own size, the table's, and for each field its place in the table or 0. The header is field 2
    of a message, compression field 3 of a record batch.
    """
    (message,) = struct.unpack_from("<I", metadata, 0)
    place = _field(metadata, message, 2)
    (header,) = struct.unpack_from("<I", metadata, place)
    return bool(_field(metadata, place + header, 3) - (place + header))


def _field(metadata: bytes, table: int, number: int) -> int:
    """Return where a field is; the table itself where it has none."""
    (back,) = struct.unpack_from("<i", metadata, table)
    fields = table - back
    (size,) = struct.unpack_from("<H", metadata, fields)
    at = 4 + 2 * number
    (place,) = struct.unpack_from("<H", metadata, fields + at) if at < size else (0,)
    return table + int(place)
