"""The timers that a silence on the wire may be: kernels, resolvers, HTTP clients, SDKs, middleboxes; and which of them fits a gap.

    name(Gap("delayed-ack", 40_300_000))                             # Linux' delayed ACK (40 ms)
    name(Gap("silence", 1_003_000_000, sdk="js-v3", to="imds"))      # the IMDS time limit of SDK for JavaScript v3 (1 s)
    repair(212_000_000, 8_000_000)                                   # ("retransmission-timeout",)

What is known is data: `known` holds the timers of systems, `clients` those that the SDK profiles tell of.
"""

from analyzer.timers.recognise import Fit, Gap, cause, causes, fits, name, named, word
from analyzer.timers.records import KINDS, Timer
from analyzer.timers.repairs import REPAIRS, repair

__all__ = ["KINDS", "REPAIRS", "Fit", "Gap", "Timer", "cause", "causes", "fits", "name", "named", "repair", "word"]
