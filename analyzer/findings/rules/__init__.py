"""The diagnoses, one a file: docstring, `RULE`, constants with their reasons, `check(analysis)`."""
