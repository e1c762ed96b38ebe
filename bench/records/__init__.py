"""Schemas and their files: load, save, merge; needs no torch."""
