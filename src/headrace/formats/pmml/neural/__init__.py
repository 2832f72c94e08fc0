"""Neural networks: activations, layers, outputs."""
