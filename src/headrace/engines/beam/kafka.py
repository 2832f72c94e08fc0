"""Kafka in Beam, in Python alone. Needs ``headrace[kafka]`` as well."""

from headrace.engines.beam.kafka_models import ReadModelsFromKafka
from headrace.engines.beam.kafka_sink import KafkaMessage, WriteToKafka
from headrace.engines.beam.kafka_source import KafkaRecord, ReadFromKafka

__all__ = ["KafkaMessage", "KafkaRecord", "ReadFromKafka", "ReadModelsFromKafka", "WriteToKafka"]
