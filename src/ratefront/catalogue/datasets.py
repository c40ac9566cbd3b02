"""The data sets, known without importing torch. Facts: ``classes``, ``shape`` (channels, height, width)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ratefront.registry import Registry


class DatasetParameters(BaseModel):
    """What every data set can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split_seed: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="decides which samples train, validate and test")
    ] = 0


DATASETS: Registry[DatasetParameters] = Registry("dataset")
DATASETS.add(
    "digits",
    DatasetParameters,
    "ratefront.data.digits:load_digits",
    "scikit-learn's 1797 handwritten digits of 8×8 pixels",
    {"classes": 10, "shape": (1, 8, 8)},
)
