"""`edges`: what each edge of the model does, estimated and exact, and circuits of edges."""
