"""Evidence that the laws bite: faults planted in real kernels, each of which a law must kill."""
