"""Records -> tables, plots, pages; needs no torch."""

from bench.report.render import Rendered, render

__all__ = ["Rendered", "render"]
