"""How a network is made smaller."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.catalogue.reductions import PrecisionName, PruningName, ReducedParameters


@dataclass(frozen=True)
class Reduction:
    """How a network is made smaller.

    Attributes:
        precision: In which its parameters are stored; None where that stays as it is.
        pruning: Whether channels are dropped (structured) or weights are set to 0 (unstructured).
        pruned_share: The share of channels or weights, between 0 and 1; 0 without pruning.
    """

    precision: PrecisionName | None = None
    pruning: PruningName = "none"
    pruned_share: float = 0.0

    @classmethod
    def of(cls, parameters: ReducedParameters) -> Reduction:
        """Return the reduction that a family's parameters ask for."""
        return cls(parameters.precision, parameters.pruning, parameters.pruned_share or 0.0)

    @property
    def is_none(self) -> bool:
        """Whether the network stays as it is."""
        return self.precision is None and self.pruning == "none"
