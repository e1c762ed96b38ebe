"""Model and device -> step times, share of the machine's peak, other frameworks beside it.

Each model is measured in processes of its own, started as training starts them; nothing here is timed while another
process of ours computes. :mod:`bench.throughput.measure` is the entry.
"""
