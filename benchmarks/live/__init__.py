"""The live system under load: Kafka, the dataflow, QuestDB and Redis as real processes. `python -m benchmarks.live`."""
