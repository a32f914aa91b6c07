"""A version in the stream: nets by state or windows, trees, tiers, in shapes that round alike."""
