"""What a signal earns after fees, spread and latency. Capacity is left out: every order is filled whole."""
