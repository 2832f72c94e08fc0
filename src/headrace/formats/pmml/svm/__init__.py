"""Support vector machines: the vector dictionary and the kernels."""
