"""Records -> groups, intervals, verdicts, changes; needs no torch."""
