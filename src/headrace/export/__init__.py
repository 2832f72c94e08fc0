"""Models out of where they are trained: each exporter a module, each result with golden records of its own library."""
