"""An engine killed again and again, and its output held against what had to come out.

``python -m headrace.testing.kills --kills 200 --records 100000`` runs the embedded engine in a child process, over
files of records and a model log to which models are published all the while, kills it with SIGKILL at random moments
and at chosen points, starts it again until the records are done, and then checks files, state and model log against
each other. With ``--durability off`` the same run shows that the check has teeth: it has to find loss or duplicates.
"""
