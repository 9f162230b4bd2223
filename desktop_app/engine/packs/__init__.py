"""The model pack: fetched, converted, proven, and converted again where that was wrong."""
