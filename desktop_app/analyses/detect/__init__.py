"""Head detectors."""
