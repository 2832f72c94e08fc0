"""A wake-up call from any thread and any signal handler."""

from __future__ import annotations

import signal
import threading
import time

from headrace.machinery.bell import Bell


def test_a_ring_before_the_wait_ends_it_at_once() -> None:
    bell = Bell()
    bell.ring()
    began = time.monotonic()
    bell.wait(60)
    assert time.monotonic() - began < 30


def test_a_ring_from_another_thread_ends_the_wait() -> None:
    bell = Bell()
    waiter = threading.Thread(target=bell.wait, args=(60,))
    waiter.start()
    bell.ring()
    waiter.join(30)
    assert not waiter.is_alive()


def test_many_rings_are_one() -> None:
    bell = Bell()
    for _ in range(1_000):
        bell.ring()
    began = time.monotonic()
    bell.wait(60)
    bell.wait(0.01)
    assert time.monotonic() - began >= 0.01


def test_a_signal_handler_may_ring_while_its_thread_waits_or_rings() -> None:
    bell = Bell()
    count = 0

    def handle(*_: object) -> None:
        nonlocal count
        count += 1
        bell.ring()

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while count < 1_000:
            bell.ring()
            bell.wait(0.0001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
