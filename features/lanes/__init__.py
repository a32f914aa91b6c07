"""Eight float64 side by side in compiled kernels: see `kinds`."""
