"""Tables and rankings, reachable by keyboard and screen reader."""
