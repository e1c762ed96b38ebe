"""Signs of life of a process that trains: how many steps and evaluation batches it has finished, of whatever kind."""

_count = 0


def beat() -> None:
    """Count one more; called at the end of each training step and each batch of an evaluation."""
    global _count
    _count += 1


def count() -> int:
    """The number counted so far in this process."""
    return _count
