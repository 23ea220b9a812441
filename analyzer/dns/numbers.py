"""The words for DNS numbers (IANA "Domain Name System (DNS) Parameters")."""

from __future__ import annotations

IN = 1
OPT = 41

ADDRESS_SIZES = {1: 4, 28: 16}
"""A and AAAA (RFC 1035, RFC 3596): types whose data is one address, and its bytes."""

CLASSES = frozenset((IN, 3, 4, 255))
"""IN, CH, HS and ANY: what a question may ask for."""

TARGETS = frozenset((2, 5, 12, 39))
"""NS, CNAME, PTR, DNAME: types whose data is one name and nothing else."""

TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    13: "HINFO",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    35: "NAPTR",
    39: "DNAME",
    41: "OPT",
    43: "DS",
    44: "SSHFP",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    50: "NSEC3",
    51: "NSEC3PARAM",
    52: "TLSA",
    64: "SVCB",
    65: "HTTPS",
    99: "SPF",
    250: "TSIG",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    256: "URI",
    257: "CAA",
}

RCODES = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
    11: "DSOTYPENI",
    16: "BADVERS",
    17: "BADKEY",
    18: "BADTIME",
    19: "BADMODE",
    20: "BADNAME",
    21: "BADALG",
    22: "BADTRUNC",
    23: "BADCOOKIE",
}


def type_text(number: int) -> str:
    """Name a record type; one without a name is `TYPE` and its number (RFC 3597 section 5)."""
    return TYPES.get(number) or f"TYPE{number}"


def rcode_text(number: int) -> str:
    """Name a response code; one without a name is `RCODE` and its number."""
    return RCODES.get(number) or f"RCODE{number}"
