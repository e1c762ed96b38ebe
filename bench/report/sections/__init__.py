"""Sections of the report, one finding per file: its sentence, its plot, its table."""
