"""What both joins cost on Flink, beside jobs that only count and that call onnxruntime for each record."""
