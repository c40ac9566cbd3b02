"""Actions happen in virtual time when they are due."""

from __future__ import annotations

from ratefront.simulate.virtual_time.virtual_clock import VirtualClock


def test_actions_happen_when_due_and_in_the_order_added() -> None:
    clock, happened = VirtualClock(), list[tuple[float, str]]()
    for wait_s, name in ((2.0, "b"), (1.0, "a"), (2.0, "c")):
        clock.after(wait_s, lambda name=name: happened.append((clock.now, name)))  # type: ignore[misc]
    clock.after(2.0, lambda: clock.after(0.0, lambda: happened.append((clock.now, "d"))))
    while clock.step():
        pass
    assert happened == [(1.0, "a"), (2.0, "b"), (2.0, "c"), (2.0, "d")]
