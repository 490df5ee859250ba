"""State: what a measurement remembers of the samples: NumPy statistics that merge."""
