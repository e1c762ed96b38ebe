"""Probes: measurements of a trained model beyond its test accuracy."""
