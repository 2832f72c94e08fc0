"""Kafka: what clients are told, what their errors mean, topics, and the model stream as a topic.

- ``settings``: the table ``[kafka]`` of a configuration to what a client is given; secrets come from elsewhere.
- ``troubles``: librdkafka's error codes to sentences that name what is wrong and what to do.
- ``connection``: clients that share settings, and remember why they cannot connect.
- ``topics``: made where they are absent, and checked before anything is read from or written to them.
- ``parts``: models larger than a message, and how messages of the model topic are keyed.
- ``models``, ``publishing``: the model topic read and written.
"""
