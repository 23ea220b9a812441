"""OpenTelemetry: an answer as spans (`spans`), by its semantic conventions (`conventions`), and sent through its SDK (`sending`)."""
