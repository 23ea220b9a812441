"""A recording as pcapng: packets with comments, and on demand the secrets that open them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from analyzer.capture import writer
from analyzer.watching.recording.ring import Kept


def pcapng(
    packets: Iterable[Kept],
    *,
    comment: str,
    application: str,
    names: Mapping[int, str],
    comments: Mapping[int, str],
    secrets: bytes = b"",
) -> Iterator[bytes]:
    """Yield the blocks of a file.

    `names` are those of interfaces by their number, `comments` belong to packets by their id, `secrets` is a TLS key log; it comes before
    the packets that it opens.
    """
    yield writer.section(comment, application)
    if secrets:
        yield writer.secrets(secrets)
    described: dict[tuple[int, int], int] = {}
    for packet in packets:
        key = (packet.interface, packet.link_type)
        if key not in described:
            described[key] = len(described)
            yield writer.interface(packet.link_type, names.get(packet.interface))
        yield writer.enhanced(described[key], packet.time, packet.data, packet.wire_length, comments.get(packet.packet_id))
