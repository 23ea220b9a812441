"""The order of the stages and what each is handed, and nothing else."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from itertools import count
from operator import itemgetter
from pathlib import Path

from analyzer import aws, capture, dns, findings, http, latency, packets, sdks, tcp, tls
from analyzer.assembly import (
    Traffic,
    connection_rows,
    exchange_row,
    join_one_way,
    mark_copies,
    note_opaque,
    with_calls,
    with_sdks,
    with_services,
)
from analyzer.between import note_lost
from analyzer.elsewhere import Fold
from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis, Elsewhere
from analyzer.model.capture import CaptureInfo
from analyzer.model.clocks import Clock
from analyzer.model.draft import Placed
from analyzer.model.http import Endpoint, HttpExchange, Talk
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Handshake, Lookup, Span
from analyzer.model.seams import Block, Datagram
from analyzer.model.table import Table
from analyzer.quality import note_capture, vantage_of
from analyzer.repeating import with_costs, with_unseen
from analyzer.resolvers import Resolvers
from analyzer.survey import note_clocks, survey
from analyzer.units import PacketId, TimeNs

DATAGRAM_PORTS = packets.TUNNEL_PORTS | {dns.PORT}
"""UDP ports that are decoded: DNS, and what may carry TCP."""
_ID, _CONNECTION = itemgetter(0), itemgetter(1)
MOST_ANOMALIES = 1000
"""Anomaly rows of one code that are kept; the rest is counted in a last row."""


class Pipeline:
    """One pass over a capture: blocks in, rows out."""

    def __init__(
        self,
        services: Sequence[aws.ServiceRule] = (),
        keys: tls.KeyLog | None = None,
        *,
        compares: bool = False,
        began: Callable[[Talk], None] | None = None,
        clocks: Sequence[Clock] = (),
    ) -> None:
        self._clocks = clocks
        several = max((clock.point for clock in clocks), default=0) + 1
        self._points = tcp.Points([one.point for one in clocks], [one.shift_ns for one in clocks]) if several > 1 else None
        self._recognizer = aws.Recognizer(services)
        self._bodies = aws.Bodies()
        self._anomalies: list[Anomaly] = []
        self._anomaly_counts: dict[str, int] = {}
        self._lookups: list[Lookup] = []
        self._exchanges: list[Exchange] = []
        self._traffic: dict[int, Traffic] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._unfinished: set[int] = set()
        self._handshakes: dict[int, Handshake] = {}
        self._unnamed = False
        """Whether an exchange that was inferred has no service yet."""
        self._resolvers = Resolvers(several) if several > 1 else None
        self._names = self._resolvers or dns.Lookups(self._lookups.append)
        known = self._recognizer
        wishes = http.Wishes(
            request_fields=aws.REQUEST_FIELDS,
            response_fields=aws.RESPONSE_FIELDS,
            presence=aws.PRESENCE_FIELDS,
            request_window=known.request_window,
            response_window=known.response_window,
            varying=aws.VARYING_FIELDS,
        )
        number = count().__next__
        decrypted = http.HttpOpener(wishes, self._decrypted, number, began=began)
        self.tls = tls.TlsOpener(
            keys,
            (decrypted,),
            done=self._exchange,
            handshake=self._handshake,
            anomaly=self.anomaly,
            number=number,
            compares=compares,
            began=began,
        )
        clear = http.HttpOpener(wishes, self._exchange, number, self.tls.tunnel, began)
        self.engine = tcp.Engine(
            packets.LAYOUTS,
            packets.Decoder().decode,
            (clear, self.tls, dns.DnsOpener(self._names)),
            self.anomaly,
            datagram=self._datagram,
            datagram_ports=DATAGRAM_PORTS,
            opened=self._opened,
            points=self._points,
        )

    def feed(self, block: Block) -> None:
        """Take one block of packets."""
        if self._resolvers is not None:
            self._resolvers.at(self._clocks[block.file].point)
        self.engine.feed(block)

    def finish(self, info: CaptureInfo, *, calls: bool = True) -> Analysis:
        """Settle everything and return the answer; without `calls` its tables `calls` and `spans` stay empty, and `call_id` None."""
        self.engine.finish()
        self._names.finish()
        counts = Counter(map(_CONNECTION, self._exchanges))
        flows = self.engine.flows
        streams = self._points.streams if self._points is not None else {}
        copies, one_way = tcp.twins(flows, streams), tcp.one_way(flows)
        shaken = self._handshakes
        connections = connection_rows(map(tcp.row, flows), self._traffic, counts, self._name_of, self._service_of, copies, shaken)
        self._exchanges.sort(key=_ID)
        self._exchanges = self._dressed(self._exchanges, connections, copies, one_way)
        self._exchanges = with_unseen(self._exchanges, {packet: lost for flow in flows for packet, lost in tcp.unseen_before(flow).items()})
        self._lookups.sort(key=_ID)
        handshakes = [shaken[number] for number in sorted(shaken)]
        opaque: Mapping[str, Sequence[tuple[int, str]]] = self.tls.opaque
        elsewhere: Sequence[Elsewhere] = ()
        nearest: Mapping[int, Connection] = {}
        if self._clocks:
            point = {flow.connection_id: flow.point for flow in flows}
            note_clocks(info, self._clocks, Counter(point[one] for one in {copies[at] for at in copies if point[at] != point[copies[at]]}))
        fold = Fold(point, copies, streams) if self._points is not None else None
        if fold is not None and self._resolvers is not None:
            self._anomalies = list(map(fold.anomaly, self._anomalies))
            connections, self._exchanges, self._lookups, handshakes, opaque, elsewhere = fold.rows(
                connections, self._exchanges, self._resolvers.rows, handshakes, opaque
            )
        connections = with_costs(connections, self._exchanges)
        info.remarks += packets.remarks(interface.link_type for interface in info.interfaces)
        note_capture(info, connections, self.anomaly)
        note_opaque(info, opaque, self.anomaly)
        if fold is not None:
            note_lost(info, connections, self._exchanges, elsewhere, self.anomaly)
        vantage = vantage_of(connections)
        info.inference = self.tls.yardstick.result()
        made: list[Call] = []
        spans: list[Span] = []
        if calls:
            made, spans = latency.reckon(self._placed(self._exchanges, connections, self._lookups, handshakes))
            made = aws.with_chains(made, self._exchanges)
            self._exchanges = with_calls(self._exchanges, made)
        for code, seen in self._anomaly_counts.items():
            if seen > MOST_ANOMALIES:
                self._anomalies.append(Anomaly(code, None, None, f"{seen - MOST_ANOMALIES} more of these"))
        self._anomalies.sort(key=lambda row: (row.packet_id is None, row.packet_id or 0))
        if fold is not None:
            numbered = {flow.connection_id: flow for flow in flows}
            nearest = fold.several(connections)
            connections = fold.over_all(connections, lambda row, views: tcp.over_all(row, [numbered[one] for one in views]))
        return Analysis(
            capture=info,
            vantage=vantage,
            connections=Table("connections", Connection, connections),
            lookups=Table("lookups", Lookup, self._lookups),
            exchanges=Table("exchanges", Exchange, self._exchanges),
            anomalies=Table("anomalies", Anomaly, self._anomalies),
            handshakes=Table("handshakes", Handshake, handshakes),
            calls=Table("calls", Call, made),
            spans=Table("spans", Span, spans),
            check=findings.check,
            imagine=findings.imagine,
            pooled=findings.pools,
            elsewhere=elsewhere,
            nearest=nearest,
        )

    def _dressed(
        self, exchanges: list[Exchange], connections: list[Connection], copies: Mapping[int, int], one_way: Mapping[int, int]
    ) -> list[Exchange]:
        """Return exchanges, in order of their ids, with what only their connections tell of them."""
        if self._unnamed:
            exchanges = with_services(exchanges, connections)
        exchanges = with_sdks(exchanges, self._handshakes, sdks.by_hello)
        return join_one_way(mark_copies(exchanges, copies), one_way, self._unfinished)

    def _placed(
        self, exchanges: list[Exchange], connections: list[Connection], lookups: list[Lookup], handshakes: list[Handshake]
    ) -> list[Placed]:
        return aws.place_calls(exchanges, connections, lookups, handshakes, self._bodies)

    def anomaly(self, row: Anomaly) -> None:
        """Keep an anomaly row; of one code only so many."""
        seen = self._anomaly_counts[row.code] = self._anomaly_counts.get(row.code, 0) + 1
        if seen <= MOST_ANOMALIES:
            self._anomalies.append(row)

    def _datagram(self, datagram: Datagram, time: TimeNs, packet_id: PacketId) -> None:
        self._names.feed(datagram, time, packet_id)

    def _opened(self, flow: tcp.Flow) -> None:
        if flow.syn_ns is not None:
            self._names.connected(flow.connection_id, flow.client()[0], flow.server()[0], flow.syn_ns)

    def _exchange(self, raw: HttpExchange) -> None:
        """Describe a finished exchange and keep its row."""
        link = raw.link
        number = link.connection_id
        endpoint = self._endpoints.get(number)
        if endpoint is None:
            address, port = link.server()
            shaken = self._handshakes.get(number)
            name = shaken.server_name if shaken is not None else None
            endpoint = self._endpoints[number] = Endpoint(address, port, name or self._names.name_of(address))
        if raw.request is None and not raw.response_complete:
            self._unfinished.add(raw.exchange_id)
        about = self._recognizer.describe(raw.request, raw.response, endpoint)
        request = raw.request
        if request is not None and request.body and about.invocation_id is None:
            self._bodies.note(raw.exchange_id, request, self._recognizer.request_window)
        self._exchanges.append(exchange_row(raw, about, latency.split(raw)))
        if raw.evidence == "inferred" and about.service is None:
            self._unnamed = True
        if number not in self._traffic:
            start = raw.request_start[0] if raw.request_start is not None else None
            self._traffic[number] = Traffic(start, about.host, about.service, about.region)
        if link.troubled():
            link.forget(raw.request_end_offset, raw.response_end_offset)

    def _decrypted(self, raw: HttpExchange) -> None:
        raw.evidence = "decrypted"
        self.tls.yardstick.read(raw)
        self._exchange(raw)

    def _handshake(self, row: Handshake) -> None:
        self._handshakes[row.connection_id] = row
        self._endpoints.pop(row.connection_id, None)  # the name of a proxy, if any was known before

    def _name_of(self, address: str) -> str | None:
        return self._names.name_of(ip_address(address).packed)

    def _service_of(self, row: Connection, name: str | None) -> tuple[str | None, str | None]:
        return self._recognizer.service_of(Endpoint(ip_address(row.server_address).packed, row.server_port, name), name)


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[capture.Capture], None] | None = None,
    calls: bool = True,
) -> Analysis:
    """Analyse one or several captures (pcap or pcapng, compressed or not; `-` is standard input) as one time line.

    `services` are rules like those of `--service` (`NAME=HOST[:PORT]`): proxies, VPC endpoints, local stand-ins. `keys` is a TLS key log
    (NSS format), by default the file that the environment variable SSLKEYLOGFILE names; secrets in the captures are used too, also where
    they come after the packets, which takes a second pass over the files. `progress` is called after each block. Without `calls` the tables
    `calls` and `spans` are not made, which saves time where nobody asks for them. Raises CaptureError or UnknownFormat where nothing can be
    read, UsageError for a rule or a key log that cannot be read.

    Several captures are looked at beforehand, which takes a second pass over them: those that hold the same packets were taken at several
    points. Their clocks are compared, all times become those of the first file's clock, and each call is made from one view.
    """
    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    rules = [aws.parse_service_option(text) for text in services]
    known = _key_log(keys)
    collecting = gc.isenabled()
    # The loop makes no cycles that matter within a pass; looking for them again and again costs a fifth of the time.
    gc.disable()
    try:
        clocks = survey(names)
        pipeline, source = _pass(names, rules, known, progress, clocks, compares=calls)
        missing = pipeline.tls.missing
        if source.info.secrets and all(Path(name).is_file() for name in names) and any(known.secrets(random) for random in missing):
            pipeline, source = _pass(names, rules, known, progress, clocks, compares=calls)
        return pipeline.finish(source.info, calls=calls)
    finally:
        if collecting:
            gc.enable()


def _pass(
    names: list[str | os.PathLike[str]],
    rules: list[aws.ServiceRule],
    keys: tls.KeyLog,
    progress: Callable[[capture.Capture], None] | None,
    clocks: Sequence[Clock],
    *,
    compares: bool,
) -> tuple[Pipeline, capture.Capture]:
    """Read the captures once, adding to `keys` the secrets that they hold."""
    pipeline = Pipeline(rules, keys, compares=compares, clocks=clocks)
    source = capture.open_captures(names, emit=pipeline.anomaly, shifts=[clock.shift_ns for clock in clocks])
    secrets, taken = source.info.secrets, 0
    for block in source.blocks():
        while taken < len(secrets):
            keys.add(secrets[taken] + b"\n")
            taken += 1
        pipeline.feed(block)
        if progress is not None:
            progress(source)
    for text in secrets[taken:]:
        keys.add(text + b"\n")
    return pipeline, source


def _key_log(path: str | os.PathLike[str] | None) -> tls.KeyLog:
    """Read a key log: the one that was asked for, else the one that the environment names, if it is there."""
    known = tls.KeyLog()
    named = path if path is not None else os.environ.get("SSLKEYLOGFILE")
    if not named:
        return known
    try:
        with Path(named).open("rb") as file:
            while piece := file.read(1 << 20):
                known.add(piece)
    except OSError as error:
        if path is not None:
            raise UsageError(f"cannot read the key log {os.fspath(path)}: {error.strerror or error}") from None
    return known
