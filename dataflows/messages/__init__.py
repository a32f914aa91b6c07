"""Messages: how ticks, heartbeats and market events look in Kafka and in a segment log (docs/messages.md)."""
