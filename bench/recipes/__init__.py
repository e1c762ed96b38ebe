"""How models are trained, as data."""
