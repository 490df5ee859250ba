"""Network: a torch model, its forward passes and its head, on the way to a measurement."""
