"""Exchanges in AWS's terms: which service, operation, SDK and table each is about, and the calls that they are attempts of."""

from analyzer.aws.bodies import Bodies
from analyzer.aws.final import final_at, syn_due
from analyzer.aws.ownership import server_of
from analyzer.aws.pages import with_chains
from analyzer.aws.placing import place_calls
from analyzer.aws.recognizer import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, VARYING_FIELDS, Recognizer
from analyzer.aws.service_option import ServiceRule, parse_service_option

__all__ = [
    "PRESENCE_FIELDS", "REQUEST_FIELDS", "RESPONSE_FIELDS", "VARYING_FIELDS", "Bodies", "Recognizer", "ServiceRule", "final_at",
    "parse_service_option", "place_calls", "server_of", "syn_due", "with_chains",
]  # fmt: skip
