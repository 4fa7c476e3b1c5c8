"""Service levels: six shares of good in all, counted from the records, kept by civil day, each held against its target."""
