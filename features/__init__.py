"""Engine-free incremental computation: ordering, bars, the catalogue and its kernels. numpy and numba only."""
