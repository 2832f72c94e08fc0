"""Other faults than kills: a broker that goes away, instances that come and go while models switch, cold restores.

    python -m headrace.testing.group_faults broker
    python -m headrace.testing.group_faults rebalance
    python -m headrace.testing.group_faults restore

Each is held against the same verdict as kills are: see ``headrace.testing.group_kills``.
"""
