"""How Tune's own objects hold on to the live sweep."""

from __future__ import annotations

from ratefront.engine.live_sweep import LiveSweep
from ratefront.errors import EngineError


class LiveReference:
    """A reference to the live sweep that survives Tune's copies and pickles: a copy shares it, a pickle
    forgets it."""

    def __init__(self, sweep: LiveSweep | None) -> None:
        self._sweep = sweep

    @property
    def sweep(self) -> LiveSweep:
        if self._sweep is None:
            raise EngineError("unpickled by Ray Tune, without its sweep; resume from the ledger instead")
        return self._sweep

    def __deepcopy__(self, memo: object) -> LiveReference:
        return self

    def __reduce__(self) -> tuple[type[LiveReference], tuple[None]]:
        return LiveReference, (None,)
