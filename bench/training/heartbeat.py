"""Count of finished batches, by which a worker that hangs is told from one that is slow."""

_beats = 0


def beat() -> None:
    """Count a finished batch, of training or of evaluation."""
    global _beats
    _beats += 1


def beats() -> int:
    """Give the batches finished in this process so far."""
    return _beats
