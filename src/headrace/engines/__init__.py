"""What moves batches: each engine in a room of its own."""
