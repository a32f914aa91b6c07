"""Does anything of the future reach a forecast? Two synthetic markets and a forked one say so: see `detector`."""
