"""What kind of market it is: trend and volatility states, and how they change."""
