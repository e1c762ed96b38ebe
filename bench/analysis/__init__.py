"""Analysis of records: groups, intervals, verdicts and changes, without torch."""
