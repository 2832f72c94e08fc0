"""The join of records and models: pure, without I/O, threads or a clock of its own."""
