"""The first trials: random, and spread evenly over the space.

Plain random draws often leave a family out: twelve draws miss one of five families with probability 0.8¹² ≈ 7 %. Here
each dimension has strata: the options of a choice, or four equal parts of an interval. Its strata come up like cards of
a shuffled pack: once in every cycle, in an order that differs from cycle to cycle and from dimension to dimension. This
is a Latin hypercube that may end anywhere. Inside a branch, a dimension counts the visits to that branch, so that
every family spreads its own parameters. Each dimension by itself is exactly uniform. Trial ``number`` is a function of
(seed, number), whatever came before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random

from ratefront.engine.search.seeds import stable_seed
from ratefront.spec.space.dimensions import Choice, Float, Int, Leaf, Space, assign, holds
from ratefront.trial_records import Scalar

#: How many equal parts an interval has (or its logarithm, where that is searched); each is a stratum.
INTERVAL_STRATA = 4


def _between(leaf: Float | Int, part: float) -> float | int:
    """The value at the fraction ``part`` in [0, 1) of the leaf's interval."""
    low, high = (leaf.low, leaf.high) if isinstance(leaf, Float) else (leaf.low - 0.5, leaf.high + 0.5)
    if leaf.log:
        value = math.exp(math.log(low) + part * (math.log(high) - math.log(low)))
    else:
        value = low + part * (high - low)
    if isinstance(leaf, Int):
        return min(max(round(value), leaf.low), leaf.high)
    return min(max(value, leaf.low), leaf.high)


def random_choice(random: Random) -> Callable[[str, Leaf], Scalar]:
    """A function that draws each leaf independently and uniformly."""

    def choose(path: str, leaf: Leaf) -> Scalar:
        if isinstance(leaf, Choice):
            return leaf.options[random.randrange(len(leaf.options))]
        return _between(leaf, random.random())

    return choose


def neighbour(space: Space, values: Mapping[str, Scalar], random: Random) -> dict[str, Scalar]:
    """A configuration that differs from ``values`` in one parameter; of an interval's, by about an eighth of it.

    Where the parameter opens another branch, that branch's own parameters are drawn.
    """
    paths: list[str] = []

    def keep(path: str, leaf: Leaf) -> Scalar:
        paths.append(path)
        return values[path.rpartition("/")[2]]

    assign(space, keep)
    changed, draw = random.choice(paths), random_choice(random)

    def choose(path: str, leaf: Leaf) -> Scalar:
        value = values.get(path.rpartition("/")[2])
        if path == changed:
            return _changed(leaf, value, random)
        return value if value is not None and holds(leaf, value) else draw(path, leaf)

    return assign(space, choose)


def _changed(leaf: Leaf, value: Scalar | None, random: Random) -> Scalar:
    if isinstance(leaf, Choice):
        return random.choice([option for option in leaf.options if option != value] or list(leaf.options))
    place = _part(leaf, float(value or 0.0)) + random.gauss(0.0, 1 / 8)
    return _between(leaf, min(max(place, 0.0), math.nextafter(1.0, 0.0)))


def _part(leaf: Float | Int, value: float) -> float:
    """Where a value lies in the leaf's interval, as a fraction; the inverse of ``_between``."""
    low, high = (leaf.low, leaf.high) if isinstance(leaf, Float) else (leaf.low - 0.5, leaf.high + 0.5)
    if leaf.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)


class _LatinHypercubeTrial:
    """Chooses the values of one trial; knows how often each branch on its way was visited before.

    Values that are given are not drawn; the others are, as if those had been.
    """

    def __init__(self, seed: int, number: int, given: Mapping[str, Scalar]) -> None:
        self._seed, self._number, self._given = seed, number, given
        self._visits = {"": number}

    def choose(self, path: str, leaf: Leaf) -> Scalar:
        inside, _, name = path.rpartition("/")
        if isinstance(leaf, Choice):
            stratum, cycle = self._stratum(path, self._visits[inside], len(leaf.options))
            option = self._given.get(name, leaf.options[stratum])
            self._enter(inside, path, option, cycle)
            return option
        if name in self._given:
            return self._given[name]
        stratum, _ = self._stratum(path, self._visits[inside], INTERVAL_STRATA)
        within = Random(stable_seed("within", self._seed, path, self._number)).random()  # noqa: S311
        return _between(leaf, (stratum + within) / INTERVAL_STRATA)

    def _enter(self, inside: str, path: str, option: Scalar, cycle: int) -> None:
        """Count the visit to the option's branch. Each option comes up once a cycle, so the cycle is the count."""
        name = path.rpartition("/")[2]
        prefix = f"{inside}/" if inside else ""
        self._visits[f"{prefix}{option}" if name == "family" else f"{path}/{option}"] = cycle

    def _stratum(self, path: str, visit: int, strata: int) -> tuple[int, int]:
        """The stratum of this visit, and the cycle that the visit belongs to."""
        cycle, place = divmod(visit, strata)
        order = list(range(strata))
        Random(stable_seed("deal", self._seed, path, cycle)).shuffle(order)  # noqa: S311
        return order[place], cycle


def spread_trial(
    space: Space, seed: int, number: int, given: Mapping[str, Scalar] | None = None
) -> dict[str, Scalar]:
    """The values of the first trials: those of trial ``number``, counted from 0; what is ``given`` is not drawn.

    The space must hold what is given (see ``given_values``).
    """
    return assign(space, _LatinHypercubeTrial(seed, number, given or {}).choose)
