"""Programs that are measured beside the engine: Kafka Streams with JPMML, and Quix Streams with onnxruntime."""
