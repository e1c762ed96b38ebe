"""A GPU -> what works on it, and how fast, in one JSON file and one page.

``python -m bench.gpu_check`` needs nothing but Python to begin, and names the packages that are missing.
"""
