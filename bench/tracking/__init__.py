"""The code's own benchmarks (tests/benchmarks), run by pytest-benchmark and held against a baseline or a commit."""
