"""What multi-grade training does about the spectral bias of deep nets (Fang and Xu, NeurIPS 2024, arXiv 2410.16105)."""
