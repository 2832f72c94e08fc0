"""Instances of a Kafka engine killed again and again, and their committed output held against what had to come out.

``python -m headrace.testing.group_kills --kills 500 --records 1000000`` starts a broker and two instances in child
processes, kills one of them with SIGKILL at a random moment or at a chosen point, starts it again, and so on until the
records are done; models are published all the while. With ``--delivery at-least-once`` the same run shows that the
check has teeth: it has to find duplicates.
"""
