"""The first trials: random, yet spread over the space.

Plain random draws often leave a family out (one of five is missed by twelve draws with probability 0.8¹² ≈ 7
%). Here each dimension deals its strata (the options of a choice, four equal parts of an interval) like a
shuffled pack of cards: within every cycle each stratum comes up once, in an order that differs from cycle to
cycle and from dimension to dimension (a Latin hypercube that may end anywhere). Inside a branch the cards are
dealt by the visits to that branch, so that every family spreads its own parameters. One dimension alone is
exactly uniform; trial ``number`` is a function of (seed, number), whatever came before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from ratefront.engine.search.stable_seed import stable_seed
from ratefront.records import Scalar
from ratefront.spec.space.dimensions import Choice, Float, Int, Leaf, Space, assign

#: Equal parts of an interval (of its logarithm, where that is searched) that are dealt one after another.
INTERVAL_STRATA = 4


def _between(leaf: Float | Int, part: float) -> float | int:
    """The value at ``part`` in [0, 1) of the leaf's interval."""
    low, high = (leaf.low, leaf.high) if isinstance(leaf, Float) else (leaf.low - 0.5, leaf.high + 0.5)
    if leaf.log:
        value = math.exp(math.log(low) + part * (math.log(high) - math.log(low)))
    else:
        value = low + part * (high - low)
    if isinstance(leaf, Int):
        return min(max(round(value), leaf.low), leaf.high)
    return min(max(value, leaf.low), leaf.high)


def random_choice(random: Random) -> Callable[[str, Leaf], Scalar]:
    """A plain independent draw for each leaf."""

    def choose(path: str, leaf: Leaf) -> Scalar:
        if isinstance(leaf, Choice):
            return leaf.options[random.randrange(len(leaf.options))]
        return _between(leaf, random.random())

    return choose


class _Dealer:
    """Chooses for one trial; remembers the count of visits to each branch that the trial passes through."""

    def __init__(self, seed: int, number: int) -> None:
        self._seed, self._number = seed, number
        self._visits = {"": number}

    def choose(self, path: str, leaf: Leaf) -> Scalar:
        inside = path.rpartition("/")[0]
        if isinstance(leaf, Choice):
            stratum, cycle = self._deal(path, self._visit(inside), len(leaf.options))
            self._enter(inside, path, leaf.options[stratum], cycle)
            return leaf.options[stratum]
        stratum, _ = self._deal(path, self._visit(inside), INTERVAL_STRATA)
        within = Random(stable_seed("within", self._seed, path, self._number)).random()  # noqa: S311
        return _between(leaf, (stratum + within) / INTERVAL_STRATA)

    def _visit(self, inside: str) -> int:
        return self._visits[inside]

    def _enter(self, inside: str, path: str, option: Scalar, cycle: int) -> None:
        """Each option comes once a cycle: inside it, the cycle counts the visits."""
        name = path.rpartition("/")[2]
        prefix = f"{inside}/" if inside else ""
        self._visits[f"{prefix}{option}" if name == "family" else f"{path}/{option}"] = cycle

    def _deal(self, path: str, visit: int, strata: int) -> tuple[int, int]:
        cycle, place = divmod(visit, strata)
        order = list(range(strata))
        Random(stable_seed("deal", self._seed, path, cycle)).shuffle(order)  # noqa: S311
        return order[place], cycle


def spread_trial(space: Space, seed: int, number: int) -> dict[str, Scalar]:
    """The assignment of trial ``number`` (from 0) of a spread start."""
    return assign(space, _Dealer(seed, number).choose)
