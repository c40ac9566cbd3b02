"""The configurations of a space: their number, an iterator over them, and whether a trial's seed changes the result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from random import Random

from pydantic import ValidationError

from ratefront.catalogue import CATALOGUE, Catalogue
from ratefront.spec.space.dimensions import (
    Branch,
    Choice,
    Constant,
    Dimension,
    Float,
    Int,
    Leaf,
    Space,
    combinations,
)
from ratefront.trial_records import Scalar

Values = Mapping[str, Scalar]


def count(space: Space) -> int | None:
    """Return the number of configurations in a space; None if a real interval makes it infinite."""
    sizes = [_size(dimension) for dimension in space.values()]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def _size(dimension: Dimension) -> int | None:
    match dimension:
        case Constant():
            return 1
        case Choice(options):
            return len(options)
        case Int(low, high):
            return high - low + 1
        case Float():
            return None
        case Branch(options):
            counts = [count(inner) for inner in options.values()]
            return None if None in counts else sum(size for size in counts if size is not None)


def configurations(space: Space, random: Random) -> Iterator[dict[str, Scalar]]:
    """Yield every configuration once, in a random order; a real interval gives one random value each time.

    The iterator is lazy: the first few of a million configurations cost as little as those of ten.
    """
    yield from combinations(space, partial(_in_random_order, random))


def _in_random_order(random: Random, leaf: Leaf) -> Iterator[Scalar]:
    match leaf:
        case Choice(options):
            yield from random.sample(options, len(options))
        case Int(low, high):
            size = high - low + 1
            start = random.randrange(size)
            yield from (low + (start + step) % size for step in range(size))
        case Float(low, high):
            yield random.uniform(low, high)


def uses_seed(values: Values, catalogue: Catalogue = CATALOGUE) -> bool:
    """Return whether a trial's seed changes its result with these values; True if no known family accepts them."""
    family = values["family"]
    if family not in catalogue.families:
        return True
    parameters = {name: value for name, value in values.items() if name != "family"}
    try:
        return catalogue.families[str(family)].parameters.model_validate(parameters).uses_seed
    except ValidationError:
        return True


def too_few_configurations(space: Space, trials: int, catalogue: Catalogue = CATALOGUE) -> str | None:
    """Return what happens if a sweep asks for more trials than its space has configurations; None if it does not."""
    size = count(space)
    if size is None or size >= trials:
        return None
    all_configurations = islice(configurations(space, Random(0)), size)  # noqa: S311
    learns = any(uses_seed(values, catalogue) for values in all_configurations)
    consequence = (
        "those that learn are tried again with other seeds" if learns else f"the sweep ends after {size}"
    )
    content = "1 configuration" if size == 1 else f"{size} configurations"
    return f"the space holds {content}, fewer than the {trials} trials: {consequence}"
