"""Stores, buses and the station that fills them."""
