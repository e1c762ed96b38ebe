"""Datasets by name as verified uint8 arrays, clean or corrupted."""
