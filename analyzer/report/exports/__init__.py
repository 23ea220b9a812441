"""Answers in the formats of other programs' viewers: one ledger, every viewer.

`export` takes an answer and a path. `registry` knows the formats, which are the files of `formats`; `tries` splits calls into their
requests, which is what HAR and OpenTelemetry want to see; `writing` makes files that are there whole or not at all.
"""

from analyzer.report.exports.exporting import CONTRACT, KNOWN, export, format_of, origin_of, pieces, save_table, tables, tabular_of

__all__ = ["CONTRACT", "KNOWN", "export", "format_of", "origin_of", "pieces", "save_table", "tables", "tabular_of"]
