"""Two grids of layers × tokens side by side: cells with texts and colours, dragged onto cells."""
