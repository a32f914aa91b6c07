"""Ingesters: an exchange's WebSocket feed, written down as it comes, so that the dataflow can read it again."""
