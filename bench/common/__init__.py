"""Errors of one line, atomic writes, untrusted files, fingerprints of source code."""
