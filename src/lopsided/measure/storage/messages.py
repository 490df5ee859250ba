"""The record batches of an Arrow file or stream, looked at one by one before any is taken, since a
compressed one would be unpacked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from lopsided.files import UnfitError

#: What an Arrow file starts and ends with.
_MAGIC = b"ARROW1"
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
    if whole[: len(_MAGIC)].to_pybytes() == _MAGIC:
        if whole[-len(_MAGIC) :].to_pybytes() != _MAGIC:
            raise UnfitError(_CUT)
        schema, messages = library.ipc.open_file(whole).schema, _of_file(library, whole)
    else:
        reader = library.BufferReader(whole)
        schema, messages = library.ipc.read_schema(reader), _of_stream(library, reader)
    return schema, _batches(library, messages, schema)


def _of_stream(library: Any, reader: Any) -> Iterator[Any]:
    messages = library.ipc.MessageReader.open_stream(reader)
    while True:
        try:
            yield messages.read_next_message()
        except StopIteration:
            break
    reader.seek(max(reader.tell() - len(_END), 0))
    if reader.read(len(_END)) != _END:
        raise UnfitError(_CUT)


def _of_file(library: Any, whole: Any) -> Iterator[Any]:
    """Yield the messages that the footer of a file names; between them may lie anything, which
    polars makes use of.

    A footer is a flatbuffer with lists of blocks, field 2 of dictionaries and field 3 of record
    batches: place, bytes of metadata and bytes of the body.
    """
    end = len(whole) - len(_MAGIC) - 4
    (size,) = struct.unpack("<I", whole[end : end + 4].to_pybytes())
    footer = whole[end - size : end].to_pybytes()
    (root,) = struct.unpack_from("<I", footer, 0)
    for number in (2, 3):
        place = _field(footer, root, number)
        if place == root:
            continue
        blocks = place + struct.unpack_from("<I", footer, place)[0]
        (several,) = struct.unpack_from("<I", footer, blocks)
        for block in range(several):
            start, metadata, body = struct.unpack_from("<qi4xq", footer, blocks + 4 + 24 * block)
            if min(start, metadata, body) < 0 or start + metadata + body > end - size:
                raise UnfitError("is damaged or truncated (its footer names what it has not)")
            yield library.ipc.read_message(whole[start : start + metadata + body])


def _batches(library: Any, messages: Iterator[Any], schema: Any) -> Iterator[Any]:
    for message in messages:
        if message.type == "dictionary":
            raise UnfitError("codes a column by a dictionary; store it as plain numbers")
        if _is_compressed(message.metadata.to_pybytes()):
            raise UnfitError("is compressed; write it uncompressed, or as Parquet")
        yield library.ipc.read_record_batch(message, schema)


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
