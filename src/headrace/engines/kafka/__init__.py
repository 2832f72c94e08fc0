"""The engine of a consumer group: instances share the partitions of Kafka topics, and each holds every model."""
