"""The order of the stages and what each is handed, and nothing else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from itertools import count
from operator import itemgetter
from typing import TypeVar

from analyzer import aws, capture, dns, findings, http, latency, packets, sdks, tcp, tls
from analyzer.assembly import (
    connection_rows,
    join_one_way,
    mark_copies,
    note_opaque,
    with_calls,
    with_sdks,
    with_services,
)
from analyzer.between import note_lost
from analyzer.elsewhere import Fold
from analyzer.exchanging import Exchanges
from analyzer.joining import MOST_ANOMALIES, Deaf, Numbers, Part, look_through, note_share
from analyzer.model.analysis import Analysis, Elsewhere
from analyzer.model.capture import CaptureInfo
from analyzer.model.clocks import Clock
from analyzer.model.draft import Placed
from analyzer.model.http import Endpoint, HttpExchange, Talk
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup, Span
from analyzer.model.seams import Block, Datagram
from analyzer.model.sharing import Moment, Share
from analyzer.model.table import Table
from analyzer.model.wants import EVERYTHING, WITHOUT_CALLS, Wants
from analyzer.model.whatif import Replay, Wishes
from analyzer.passes import Reading, key_log, undisturbed, worth_another
from analyzer.quality import note_capture, vantage_of
from analyzer.repeating import with_costs, with_unseen
from analyzer.resolvers import Resolvers
from analyzer.survey import note_clocks, survey
from analyzer.units import PacketId, TimeNs

DATAGRAM_PORTS = packets.TUNNEL_PORTS | {dns.PORT}
"""UDP ports that are decoded: DNS, and what may carry TCP."""
_ID, _CONNECTION = itemgetter(0), itemgetter(1)


class Pipeline:
    """One pass over a capture: blocks in, rows out."""

    def __init__(
        self,
        services: Sequence[aws.ServiceRule] = (),
        keys: tls.KeyLog | None = None,
        *,
        compares: bool = False,
        wants: Wants = EVERYTHING,
        began: Callable[[Talk], None] | None = None,
        clocks: Sequence[Clock] = (),
        share: Share | None = None,
        told: tls.Tickets = tls.NOTHING_KNOWN,
    ) -> None:
        """Follow all connections, or those of a `share`; `told` is what other shares learn of tickets, as far as that is known."""
        self._share = share
        self._clocks = clocks
        several = max((clock.point for clock in clocks), default=0) + 1
        self._points = tcp.Points([one.point for one in clocks], [one.shift_ns for one in clocks]) if several > 1 else None
        self._wants = wants
        self._recognizer = aws.Recognizer(services, wants)
        self._bodies = aws.Bodies()
        self._anomalies: list[Anomaly] = []
        self._anomaly_counts: dict[str, int] = {}
        self._anomaly_moments: list[Moment] = []
        """Of a share: when each was found."""
        self._lookups: list[Lookup] = []
        self._handshakes: dict[int, Handshake] = {}
        self._resolvers = Resolvers(several) if several > 1 else None
        self._names = self._resolvers or dns.Lookups(self._lookups.append)
        self._gathered = gathered = Exchanges(self._recognizer, self._bodies, self._handshakes, self._names.name_of, wants)
        self._exchanges, self._traffic = gathered.rows, gathered.traffic
        self._endpoints, self._unfinished = gathered.endpoints, gathered.unfinished
        known = self._recognizer
        wishes = http.Wishes(
            request_fields=aws.REQUEST_FIELDS,
            response_fields=aws.RESPONSE_FIELDS,
            presence=aws.PRESENCE_FIELDS,
            request_window=known.request_window,
            response_window=known.response_window,
            varying=aws.VARYING_FIELDS,
        )
        number = self._numbers = Numbers(self._moment) if share is not None else count().__next__
        decrypted = http.HttpOpener(wishes, gathered.take_decrypted, number, began=began)
        self.tls = tls.TlsOpener(
            keys,
            (decrypted,),
            done=gathered.take,
            handshake=self._handshake,
            anomaly=self.anomaly,
            number=number,
            compares=compares,
            began=began,
            yardstick=tls.SharedYardstick(self._moment, told[1]) if share is not None else None,
            tickets=tls.SharedBook(self._moment, told[0]) if share is not None else None,
            moment=self._moment if share is not None else None,
        )
        if compares:
            gathered.compared = self._compared
        clear = http.HttpOpener(wishes, gathered.take, number, self.tls.tunnel, began)
        lookups = dns.DnsOpener(self._names)
        self.engine = tcp.Engine(
            packets.LAYOUTS,
            packets.Decoder().decode,
            (clear, self.tls, lookups),
            self.anomaly,
            datagram=self._datagram,
            datagram_ports=DATAGRAM_PORTS,
            opened=self._opened,
            points=self._points,
            share=share,
            listeners=(Deaf(clear), Deaf(self.tls), lookups),
            rests=began is None,
        )

    def _moment(self) -> Moment:
        return self.engine.moment()

    def feed(self, block: Block) -> None:
        """Take one block of packets."""
        if self._resolvers is not None:
            self._resolvers.at(self._clocks[block.file].point)
        self.engine.feed(block)

    def part(self) -> Part:
        """Settle all connections and return what was found of them."""
        self.engine.finish()
        self._names.finish()
        rows, outlines, unseen = look_through(self.engine, alone=self._share is None)
        if self._points is not None:
            outlines = self.engine.flows  # views at several points are compared whole
        made = Part(
            self._exchanges, rows, outlines, unseen, self._handshakes, self._traffic, self._unfinished,
            self._gathered.unnamed, self._anomalies, self._anomaly_counts, self.tls.opaque, self.tls.missing, self.tls.yardstick.result(),
        )  # fmt: skip
        if self._share is not None:
            note_share(made, self.engine, self.tls, self._numbers, self._anomaly_moments, self._bodies)
        return made

    def finish(self, info: CaptureInfo, *, part: Part | None = None) -> Analysis:
        """Settle everything and return the answer, as far as it is wanted.

        `part` is what was found of all connections, where several processes shared them.
        """
        found = part if part is not None else self.part()
        self._share = None  # the parts are one: what is said from here on is said of all connections
        self._exchanges, self._anomalies, self._anomaly_counts = found.exchanges, found.anomalies, found.anomaly_counts
        self._gathered.unnamed, self._unfinished = found.unnamed, found.unfinished
        shaken = self._handshakes = found.handshakes
        if part is not None:
            self._bodies = aws.Bodies.made_of(found.marks)
        flows = self.engine.flows
        counts = found.counts if found.counts is not None else Counter(map(_CONNECTION, self._exchanges))
        streams = self._points.streams if self._points is not None else {}
        copies, one_way = tcp.twins(found.outlines, streams), tcp.one_way(found.outlines)
        connections = connection_rows(found.connections, found.traffic, counts, self._name_of, self._service_of, copies, shaken)
        self._exchanges.sort(key=_ID)
        self._exchanges = self._dressed(self._exchanges, connections, copies, one_way)
        self._exchanges = with_unseen(self._exchanges, found.unseen)
        self._lookups.sort(key=_ID)
        handshakes = [shaken[number] for number in sorted(shaken)]
        opaque: Mapping[str, Sequence[tuple[int, str]]] = found.opaque
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
        if self._wants.repeats:
            connections = with_costs(connections, self._exchanges)
        info.remarks += packets.remarks(interface.link_type for interface in info.interfaces)
        note_capture(info, connections, self.anomaly)
        note_opaque(info, opaque, self.anomaly)
        if fold is not None:
            note_lost(info, connections, self._exchanges, elsewhere, self.anomaly)
        vantage = vantage_of(connections)
        info.inference = found.inference
        made: list[Call] = []
        spans: list[Span] = []
        if self._wants.calls:
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
            check=_diagnosed,
            imagine=_imagined,
            pooled=findings.pools,
            elsewhere=elsewhere,
            nearest=nearest,
        )

    def _dressed(
        self, exchanges: list[Exchange], connections: list[Connection], copies: Mapping[int, int], one_way: Mapping[int, int]
    ) -> list[Exchange]:
        """Return exchanges, in order of their ids, with what only their connections tell of them."""
        if self._gathered.unnamed:
            exchanges = with_services(exchanges, connections)
        if self._wants.attempts:
            exchanges = with_sdks(exchanges, self._handshakes, sdks.by_hello)
        return join_one_way(mark_copies(exchanges, copies), one_way, self._unfinished)

    def _placed(
        self, exchanges: list[Exchange], connections: list[Connection], lookups: list[Lookup], handshakes: list[Handshake]
    ) -> list[Placed]:
        return aws.place_calls(exchanges, connections, lookups, handshakes, self._bodies)

    def anomaly(self, row: Anomaly) -> None:
        """Keep an anomaly row; of one code only so many."""
        if self._share is not None:
            # What is of the capture as a whole the first share says.
            if not self._share.owns(row.connection_id if row.connection_id is not None else 0):
                return
            if self._anomaly_counts.get(row.code, 0) < MOST_ANOMALIES:
                self._anomaly_moments.append(self.engine.moment())
        seen = self._anomaly_counts[row.code] = self._anomaly_counts.get(row.code, 0) + 1
        if seen <= MOST_ANOMALIES:
            self._anomalies.append(row)

    def _datagram(self, datagram: Datagram, time: TimeNs, packet_id: PacketId) -> None:
        self._names.feed(datagram, time, packet_id)

    def _opened(self, flow: tcp.Flow) -> None:
        if flow.syn_ns is not None:
            self._names.connected(flow.connection_id, flow.client()[0], flow.server()[0], flow.syn_ns)

    def _compared(self, raw: HttpExchange) -> None:
        self.tls.yardstick.read(raw)
        self.tls.yardstick.note(raw.link.connection_id)

    def _handshake(self, row: Handshake) -> None:
        self._handshakes[row.connection_id] = row
        self._endpoints.pop(row.connection_id, None)  # the name of a proxy, if any was known before

    def _name_of(self, address: str) -> str | None:
        return self._names.name_of(ip_address(address).packed)

    def _service_of(self, row: Connection, name: str | None) -> tuple[str | None, str | None]:
        return self._recognizer.service_of(Endpoint(ip_address(row.server_address).packed, row.server_port, name), name)


def _diagnosed(analysis: Analysis) -> list[Finding]:
    """Return the findings. Like a pass: where there are very many rows, looking for cycles among them takes most of the time."""
    with undisturbed():
        return findings.check(analysis)


def _imagined(analysis: Analysis, wishes: Wishes) -> Replay:
    """Replay the calls with causes removed, likewise."""
    with undisturbed():
        return findings.imagine(analysis, wishes)


Kind = TypeVar("Kind", bound=Pipeline)


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[capture.Capture], None] | None = None,
    calls: bool = True,
    wants: Wants | None = None,
    compares_clocks: bool = True,
) -> Analysis:
    """Analyse one or several captures (pcap or pcapng, compressed or not; `-` is standard input) as one time line.

    The arguments are those of `analyzer.read`. Secrets in the captures are used too, also where they come after the packets, which takes a
    second pass over the files. Raises CaptureError or UnknownFormat where nothing can be read, UsageError for a rule or a key log that
    cannot be read. Several captures are looked at beforehand, which takes a second pass over them.
    """
    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    for text in services:
        aws.parse_service_option(text)  # a mistake is told before a large capture is read
    known = key_log(keys)
    with undisturbed():
        parts = wants or (EVERYTHING if calls else WITHOUT_CALLS)
        asked = Reading(names, services, keys, parts, survey(names) if compares_clocks else ())
        pipeline, source = run_pass(Pipeline, asked, known, progress)
        if worth_another(asked, source.info, known, pipeline.tls.missing):
            pipeline, source = run_pass(Pipeline, asked, known, progress)
        return pipeline.finish(source.info)


def run_pass(
    kind: Callable[..., Kind],
    asked: Reading,
    keys: tls.KeyLog,
    progress: Callable[[capture.Capture], None] | None = None,
    share: Share | None = None,
    told: tls.Tickets = tls.NOTHING_KNOWN,
) -> tuple[Kind, capture.Capture]:
    """Read the captures once, by a pipeline of some kind, adding to `keys` the secrets that they hold."""
    rules = [aws.parse_service_option(text) for text in asked.services]
    pipeline = kind(rules, keys, compares=asked.wants.calls, wants=asked.wants, clocks=asked.clocks, share=share, told=told)
    source = capture.open_captures(asked.names, emit=pipeline.anomaly, shifts=[clock.shift_ns for clock in asked.clocks])
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
