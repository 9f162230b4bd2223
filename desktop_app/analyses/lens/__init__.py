"""The lens: what the stream would predict at each layer and position. May not import slices."""
