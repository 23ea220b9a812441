"""Exchanges in AWS's terms: which service, operation, SDK and table each is about, and the calls that they are attempts of."""

from analyzer.aws.pages import with_chains
from analyzer.aws.placing import place_calls
from analyzer.aws.recognizer import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, VARYING_FIELDS, Recognizer
from analyzer.aws.service_option import ServiceRule, parse_service_option

__all__ = [
    "PRESENCE_FIELDS", "REQUEST_FIELDS", "RESPONSE_FIELDS", "VARYING_FIELDS", "Recognizer", "ServiceRule", "parse_service_option",
    "place_calls", "with_chains",
]  # fmt: skip
