"""Kills of a Flink cluster under load: what a job has lost and doubled by then.

    python -m headrace.testing.flink_kills --kills 10

A standalone cluster of PyFlink's own, a broker, and a job by configuration, submitted to the cluster. Records are sent
while the task manager, or the whole cluster, is killed; what is committed at the end is compared with what was sent.
"""
