"""The formats: each file here is one, found by being here (see `analyzer.report.exports.registry`)."""
