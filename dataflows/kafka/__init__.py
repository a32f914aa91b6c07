"""Kafka: the source, the publisher, the sink. What is specific to its client stays in this package."""
