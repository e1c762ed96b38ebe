"""Merge the records of several results folders into one. Measures nothing and needs no torch.

The rule: what the folder merged into holds is never changed or removed, and files are copied as they are. Of runs with
the same key (the same trial by the same code on the same machine) ``last`` copies the newest that is done, or the
newest where none is, with the results of its probes; ``all`` copies every one. Repeats for the noise floor, timing
rounds, speed, peers and benchmarks are measurements of their own, all of which are copied. A file that is there twice
with the same content is one. Two files of one name whose content differs are a conflict: the first stays, the other is
named.
"""

from bench.records.merge.copy import MergeResult, merge_into

__all__ = ["MergeResult", "merge_into"]
