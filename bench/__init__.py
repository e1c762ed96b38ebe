"""mnist-bench: which of these models, at what cost, and how sure are you?

The packages fall into two halves that share only :mod:`bench.records`. One half measures (``runner``,
``executors``, ``trials``, ``train``), the other reads what was measured (``report``, ``stats``) and never
imports torch.
"""
