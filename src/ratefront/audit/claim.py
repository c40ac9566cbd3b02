"""A claimed figure, with the precision of its last digit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

from ratefront.errors import InputError

_LARGEST_EXPONENT = 300  # of ten, which a float can hold


@dataclass(frozen=True)
class Claim:
    """A figure as it was written.

    Attributes:
        value: the figure.
        rounding: half a unit of its last digit.

    Example:
        >>> Claim.parse("3.30")
        Claim(value=3.3, rounding=0.005)
    """

    value: float
    rounding: float

    @classmethod
    def parse(cls, text: str, most: float | None = None) -> Self:
        """Read a figure from text.

        Args:
            text: a decimal number.
            most: the greatest value allowed; None for no limit.

        Raises:
            InputError: not a number of at least 0, or above `most`.
        """
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or number < 0 or abs(exponent) > _LARGEST_EXPONENT:
            raise InputError(f"a claimed figure is a number of at least 0, got {text!r}")
        if most is not None and number > most:
            raise InputError(f"a claimed accuracy is a share in [0, 1], got {text!r}; 97 % is 0.97")
        return cls(float(number), 0.5 * 10.0**exponent)
