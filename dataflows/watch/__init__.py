"""What the market does that is out of the ordinary."""
