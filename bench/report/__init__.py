"""Records -> tables, plots and pages. Imports no torch and no models; everything shown comes from the records."""

from bench.report.render import Rendered, render

__all__ = ["Rendered", "render"]
