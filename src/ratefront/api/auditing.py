"""Checks the coded files of any system against the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.argument_checks import checked_path

if TYPE_CHECKING:
    from ratefront.audit import Audit


def audit_files(
    streams: Path | str,
    decoded: Path | str,
    *,
    classes: int | None = None,
    random: bool = False,
    claimed_rate: str | None = None,
    claimed_accuracy: str | None = None,
) -> Audit:
    """Count the bits of any system's coded files, and test whether a codec can reach that rate and accuracy.

    Args:
        streams: A coded file, or a folder of coded files.
        decoded: An npz file with ``labels`` (N,) and ``predicted`` (N,) of the samples in the coded files.
        classes: The number of classes; None: as many as occur.
        random: The codec draws at random, or uses a sample's position. Its accuracy is then tested at the 99.9 %
            confidence limit.
        claimed_rate: The claimed rate in bit/sample, as text, since its number of digits counts.
        claimed_accuracy: The claimed accuracy in [0, 1], as text.

    Returns:
        The verdict: ``audit.possible``, ``audit.holds``, ``audit.rate_bits`` and ``audit.gap_bits`` in bit/sample.

    Raises:
        InputError: A file cannot be read, samples and streams do not fit together, or a claim is not a number.

    Example:
        >>> import numpy as np, ratefront as rf
        >>> _ = (folder / "coded.bin").write_bytes(bytes(4))
        >>> np.savez(folder / "decoded.npz", labels=[0, 1, 2, 1], predicted=[0, 1, 2, 1])
        >>> rf.audit_files(folder / "coded.bin", folder / "decoded.npz").rate_bits
        8.0
    """
    from ratefront import audit

    return audit.audit(
        checked_path(streams, "streams"),
        checked_path(decoded, "decoded"),
        classes=classes,
        random=random,
        claimed_rate=None if claimed_rate is None else audit.Claim.parse(claimed_rate),
        claimed_accuracy=None if claimed_accuracy is None else audit.Claim.parse(claimed_accuracy, 1),
    )
