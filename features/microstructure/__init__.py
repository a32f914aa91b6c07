"""Quotes and trades in event time: spreads, depth, order flow, arrival rates, and what trading costs."""
