"""The HTTP service over what the dataflow wrote. Imports neither torch, numba nor bytewax."""
