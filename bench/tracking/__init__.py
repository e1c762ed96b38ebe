"""The code's own benchmarks -> held against an accepted baseline, or against a commit in turn."""
