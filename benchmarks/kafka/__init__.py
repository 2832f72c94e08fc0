"""The Kafka engine beside the bare client and a loop by hand, on one topic of one partition."""
