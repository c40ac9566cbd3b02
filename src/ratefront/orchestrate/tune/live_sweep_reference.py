"""Lets Tune's own objects refer to the live sweep."""

from __future__ import annotations

from ratefront.engine.live_sweep import LiveSweep
from ratefront.errors import EngineError


class LiveSweepReference:
    """A reference to the live sweep. Tune copies and pickles it: a copy refers to the same sweep, a pickle to none."""

    def __init__(self, sweep: LiveSweep | None, slots: int = 1) -> None:
        """Refer to ``sweep``; ``slots`` is how many of its trials may run at the same time now."""
        self._sweep, self.slots = sweep, slots

    @property
    def sweep(self) -> LiveSweep:
        """The live sweep.

        Raises:
            EngineError: This reference comes from a pickle.
        """
        if self._sweep is None:
            raise EngineError("unpickled by Ray Tune, without its sweep; resume from the ledger instead")
        return self._sweep

    def __deepcopy__(self, memo: object) -> LiveSweepReference:
        return self

    def __reduce__(self) -> tuple[type[LiveSweepReference], tuple[None]]:
        return LiveSweepReference, (None,)
