"""Forms made from an analysis' Params."""
