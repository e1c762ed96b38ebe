"""How fast, how near to what the machine can do, and how much faster than the article's own loop.

Each model is measured in processes of its own, started as training starts them; nothing here is timed while another
process of ours computes. :mod:`bench.speed.measure` begins.
"""
