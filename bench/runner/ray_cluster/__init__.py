"""Trials on a Ray cluster (``--executor ray``). Imported only where that is asked for; Ray need not be installed.

Ray decides which node gets what; on the node a trial runs as it does locally, in a worker of
:class:`bench.runner.workers.executor.LocalExecutor`. So what Ray reports as lost is a node, never a model.
"""
