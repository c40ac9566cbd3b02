"""The columns of a result: what a trial measured on each split, and what its codec costs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from ratefront.columns.accuracy_interval import accuracy_interval
from ratefront.columns.column import Column
from ratefront.columns.number_formats import kibibytes, number_format, percent
from ratefront.trial_records import Measurement, TrialResult

SplitColumn: TypeAlias = Column[Measurement, float | None]
ResultColumn: TypeAlias = Column[TrialResult, float | None]

BIT = "bit/sample"

#: What is measured on a split. Each has two columns; the one for test has its own name.
_ON_A_SPLIT: tuple[SplitColumn, ...] = (
    Column(
        "rate_bits",
        "rate",
        lambda split: split.rate_bits,
        "8 × payload bytes ÷ samples, in blocks of `block_size` samples",
        BIT,
        brief=number_format(".3f"),
        exact=number_format(".3f"),
        key="test/rate_bits",
    ),
    Column(
        "rate_bits_estimated",
        "estimated",
        lambda split: split.rate_bits_estimated,
        "mean −log2 likelihood under the entropy model, computed without the coder",
        BIT,
        brief=number_format(".3f"),
        key="rate/estimated_bits",
    ),
    Column(
        "rate_bits_alone",
        "alone",
        lambda split: split.rate_bits_alone,
        "each sample a string of its own",
        BIT,
        brief=number_format(".2f"),
        key="rate/alone_bits",
    ),
    Column(
        "rate_total_bits",
        "total",
        lambda split: split.rate_total_bits,
        "`rate_bits` + `overhead_bits` = 8 × file bytes ÷ samples",
        BIT,
        brief=number_format(".3f"),
        key="rate/total_bits",
    ),
    Column(
        "overhead_bits",
        "overhead",
        lambda split: split.overhead_bits,
        "headers, lengths, checksums ([field by field](bitstreams.md#the-file))",
        BIT,
        brief=number_format(".3f"),
        key="rate/overhead_bits",
    ),
    Column(
        "accuracy",
        "accuracy",
        lambda split: split.accuracy,
        "of the classes that the receiver decoded",
        brief=percent,
        exact=number_format(".2%"),
        key="test/accuracy",
    ),
    Column(
        "log_loss_bits",
        "log loss",
        lambda split: split.log_loss_bits,
        "mean −log2 of the probability that the decoded scores give the label; empty where the codec gives no scores",
        BIT,
        brief=number_format(".3f"),
        exact=number_format(".3f"),
        key="test/log_loss_bits",
    ),
)

#: The search does not use these; they have no column for validation.
TEST_ONLY = frozenset({"rate_bits_estimated", "rate_bits_alone", "rate_total_bits", "overhead_bits"})

#: How exactly the samples of the test split decide what is measured there.
_INTERVALS: tuple[SplitColumn, ...] = (
    Column(
        "accuracy_low",
        "accuracy from",
        lambda split: accuracy_interval(split.accuracy, split.samples)[0],
        "lower end of the accuracy's 95 % interval (Clopper–Pearson), as far as the number of samples decides it",
        brief=percent,
        exact=number_format(".2%"),
        key="test/accuracy_low",
    ),
    Column(
        "accuracy_high",
        "accuracy to",
        lambda split: accuracy_interval(split.accuracy, split.samples)[1],
        "upper end of that interval",
        brief=percent,
        exact=number_format(".2%"),
        key="test/accuracy_high",
    ),
)

#: What a codec costs, independent of the split.
COSTS: tuple[ResultColumn, ...] = (
    Column(
        "transmitter_bytes",
        "transmitter",
        lambda result: result.transmitter_bytes,
        "all state that encoding needs, in the precision that it is stored in (parameters in fp16 unless "
        "`precision: fp32`, buffers as they are), coder tables included",
        "byte",
        brief=kibibytes,
        exact=number_format(",", " bytes"),
        key="cost/transmitter_bytes",
    ),
    Column(
        "transmitter_macs",
        "multiply–accumulates",
        lambda result: result.transmitter_macs,
        "multiply–accumulates of the transmitter for one sample; empty where an operation's cost is unknown",
        brief=number_format(","),
        exact=number_format(","),
        key="cost/transmitter_macs",
        unknown=lambda result: result.transmitter_macs_unknown,
    ),
    Column(
        "encode_ms",
        "encoding",
        lambda result: result.encode_ms,
        "wall time of networks, refinement and coder, its check that it decodes included",
        "ms/sample",
        brief=number_format(".3g"),
        exact=number_format(".3g", " ms a sample"),
        key="cost/encode_ms",
    ),
    Column(
        "train_seconds",
        "training",
        lambda result: result.train_seconds,
        "wall time of the trial's own training",
        "s",
        brief=number_format(".1f"),
        exact=number_format(".1f", " s"),
        key="cost/train_seconds",
    ),
)


def columns_of_split(metrics: Iterable[str] = ()) -> tuple[SplitColumn, ...]:
    """What is measured on a split, with the sweep's own ``metrics``."""
    return (*_ON_A_SPLIT, *map(_metric, metrics))


def _metric(name: str) -> SplitColumn:
    return Column(
        name,
        name,
        lambda split: split.metrics.get(name),
        f"the metric `{name}` of the sweep file; empty where it has no value",
        brief=number_format(".4g"),
        exact=number_format(".4g"),
        key=f"test/{name}",
    )


def name_on_validation(name: str) -> str:
    """The name of the column for validation of what is measured on both splits."""
    return f"{name}_validation"


def on_test(column: SplitColumn) -> ResultColumn:
    """The column for the test split."""
    return column.within(lambda result: result.test)


def on_validation(column: SplitColumn) -> ResultColumn:
    """The column for the validation split. It has no key: trackers show what the search saw as objectives."""
    return column.within(
        lambda result: result.validation,
        name=name_on_validation(column.name),
        heading=f"{column.heading} on validation",
        meaning=f"`{column.name}` on the validation split, which is all that the search sees",
        key="",
    )


@lru_cache(maxsize=64)  # a sweep has one set of metrics, and thousands of results
def columns_of_result(metrics: tuple[str, ...] = ()) -> tuple[ResultColumn, ...]:
    """The columns of a result, in order, with those of the sweep's own ``metrics``."""
    columns = columns_of_split(metrics)
    return (
        *map(on_test, (*columns, *_INTERVALS)),
        *(on_validation(column) for column in columns if column.name not in TEST_ONLY),
        *COSTS,
    )
