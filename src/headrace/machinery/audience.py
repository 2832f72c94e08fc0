"""Those who want to know what the engine does.

While a commit is under way nothing is told: so ``committed`` speaks of all that was told before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.abc.observer import Observer


class Audience:
    """Tells observers, in the order in which things happened."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self._held: list[Callable[[Observer], None]] | None = None

    def tell(self, news: Callable[[Observer], None]) -> None:
        """Tell every observer now, or once the commit under way is done."""
        if not self._observers:
            return
        if self._held is not None:
            self._held.append(news)
            return
        for observer in self._observers:
            news(observer)

    def hold(self) -> None:
        """Learn that a commit begins."""
        self._held = []

    def release(self) -> None:
        """Learn that the commit is done: tell that, and then what was held back."""
        held, self._held = self._held or [], None
        self.tell(lambda observer: observer.committed())
        for news in held:
            self.tell(news)
