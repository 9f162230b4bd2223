"""The prompt table, its live tokens and the worked examples."""
