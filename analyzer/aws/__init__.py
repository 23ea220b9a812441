"""Exchanges in AWS's terms: which service, operation, SDK and table each is about."""

from analyzer.aws.recognizer import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, VARYING_FIELDS, Recognizer
from analyzer.aws.service_option import ServiceRule, parse_service_option

__all__ = ["PRESENCE_FIELDS", "REQUEST_FIELDS", "RESPONSE_FIELDS", "VARYING_FIELDS", "Recognizer", "ServiceRule", "parse_service_option"]
