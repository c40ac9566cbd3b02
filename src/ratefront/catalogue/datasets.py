"""The data sets and their parameters, known without importing torch.

Their facts: ``classes`` (0: no labels), the ``shape`` of one sample as (channels, height, width) or (points, 3), and
where known the number of ``samples`` in each split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ratefront.catalogue.file_locations import FILE_LOCATION, AbsolutePath
from ratefront.catalogue.number_limits import Seed
from ratefront.catalogue.registry import Registry


class DatasetParameters(BaseModel):
    """Parameters that every data set has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    split_seed: Annotated[Seed, Field(description="decides which samples train, validate and test")] = 0

    @classmethod
    def display_name(cls, given: Mapping[str, Any]) -> str:
        """Return the name by which people know the data set, or an empty string if that is its registered name.

        ``given`` holds the parameters as a sweep file gives them. Nothing is checked: a ledger is also read where the
        files have moved.
        """
        return ""


class LabelledImageParameters(DatasetParameters):
    """Parameters that every data set of labelled images has: how its images are corrupted."""

    corruption: Annotated[
        Literal["none", "noise", "blur"], Field(description="Gaussian noise or Gaussian blur of the images")
    ] = "none"
    severity: Annotated[int | None, Field(ge=1, le=5, description="of the corruption")] = None
    corrupted: Annotated[
        Literal["evaluation", "all"], Field(description="validation and test alone, or training, too")
    ] = "evaluation"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.corruption != "none" and self.severity is None:
            raise ValueError(f"severity (1 to 5) is needed when corruption is {self.corruption}")
        if self.corruption == "none" and self.severity is not None:
            raise ValueError("severity means nothing when corruption is none")
        return self

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not set, so that a sweep from before these parameters existed can go on."""
        fields: dict[str, Any] = handler(self)
        left_out = ("corruption", "severity", "corrupted") if self.corruption == "none" else ()
        return {key: value for key, value in fields.items() if value is not None and key not in left_out}


class OfficialParameters(LabelledImageParameters):
    """Parameters of a data set that torchvision can download."""

    root: Annotated[
        AbsolutePath | None, Field(description="folder with the files; else $RATEFRONT_DATA, else the cache")
    ] = None
    download: Annotated[bool, Field(description="fetch the files that are not there"), FILE_LOCATION] = True


class ArraysParameters(LabelledImageParameters):
    """Parameters of a user's own arrays in an npz file."""

    path: Annotated[
        AbsolutePath,
        Field(
            description="npz file with x_train, y_train, x_test, y_test, or x_validation, y_validation too"
        ),
    ]
    kind: Annotated[
        Literal["images", "points"] | None, Field(description="what x holds, where the data do not tell")
    ] = None

    @classmethod
    def display_name(cls, given: Mapping[str, Any]) -> str:
        """Return the file's name without its suffix."""
        return Path(str(given.get("path", ""))).stem


class FilesParameters(DatasetParameters):
    """Parameters that every data set of image files has."""

    channels: Annotated[
        Literal[1, 3] | None, Field(description="grey or RGB; else grey where no file has colours")
    ] = None
    background: Annotated[
        Literal["white", "black"] | None,
        Field(description="what transparent pixels are laid on; without one they are refused"),
    ] = None
    skip_corrupt: Annotated[bool, Field(description="leave out files that cannot be used")] = False
    follow_symlinks: Annotated[
        bool, Field(description="follow symbolic links that lead out of the folder"), FILE_LOCATION
    ] = False


class ImageFolderParameters(LabelledImageParameters, FilesParameters):
    """Parameters of labelled image files, one folder for each class."""

    root: Annotated[
        AbsolutePath, Field(description="folder with train/CLASS/… and val or test, or with CLASS/…")
    ]
    size: Annotated[
        int, Field(ge=8, le=4096, description="pixels a side, after resizing and centre crop")
    ] = 224

    @classmethod
    def display_name(cls, given: Mapping[str, Any]) -> str:
        """Return the folder's name."""
        return Path(str(given.get("root", ""))).name


class ImagesParameters(FilesParameters):
    """Parameters of image files without labels, for codecs that reconstruct images."""

    root: Annotated[
        AbsolutePath, Field(description="folder with images, or with train, val and test of them")
    ]
    size: Annotated[int, Field(ge=8, le=4096, description="pixels a side of a crop")] = 256
    crop: Annotated[Literal["random", "centre"], Field(description="where a training image is cropped")] = (
        "random"
    )
    crops_per_image: Annotated[int, Field(ge=1, le=10_000, description="of the training images")] = 1

    @classmethod
    def display_name(cls, given: Mapping[str, Any]) -> str:
        """Return the folder's name."""
        return Path(str(given.get("root", ""))).name


def _splits(train: int, validation: int, test: int) -> dict[str, int]:
    return {"train": train, "validation": validation, "test": test}


DATASETS: Registry[DatasetParameters] = Registry("dataset")
DATASETS.add(
    "digits",
    LabelledImageParameters,
    "ratefront.data.official.digits:load_digits",
    "scikit-learn's 1797 handwritten digits of 8×8 pixels",
    {
        "classes": 10,
        "shape": (1, 8, 8),
        "samples": _splits(1077, 360, 360),
        "validation_is_held_out_of_train": True,
    },
)
for _name, _summary, _classes, _shape, _samples in (
    ("mnist", "70 000 handwritten digits of 28×28 pixels", 10, (1, 28, 28), _splits(54_001, 5999, 10_000)),
    (
        "fashion_mnist",
        "70 000 articles of clothing of 28×28 pixels",
        10,
        (1, 28, 28),
        _splits(54_000, 6000, 10_000),
    ),
    (
        "cifar10",
        "60 000 photographs of 32×32 pixels, 10 classes",
        10,
        (3, 32, 32),
        _splits(45_000, 5000, 10_000),
    ),
    (
        "cifar100",
        "60 000 photographs of 32×32 pixels, 100 classes",
        100,
        (3, 32, 32),
        _splits(45_000, 5000, 10_000),
    ),
    (
        "stl10",
        "the 13 000 labelled photographs of STL-10, 96×96 pixels",
        10,
        (3, 96, 96),
        _splits(4500, 500, 8000),
    ),
):
    DATASETS.add(
        _name,
        OfficialParameters,
        f"ratefront.data.official.torchvision_datasets:load_{_name}",
        _summary,
        {"classes": _classes, "shape": _shape, "samples": _samples, "validation_is_held_out_of_train": True},
    )
DATASETS.add(
    "arrays",
    ArraysParameters,
    "ratefront.data.arrays.array_dataset:load_arrays",
    "one's own images or point clouds in an npz file",
    describe="ratefront.data.arrays.array_dataset:describe_arrays",
)
DATASETS.add(
    "image_folder",
    ImageFolderParameters,
    "ratefront.data.images.image_folder:load_image_folder",
    "image files, a folder a class",
    describe="ratefront.data.images.image_folder:describe_image_folder",
)
DATASETS.add(
    "images",
    ImagesParameters,
    "ratefront.data.images.unlabelled_images:load_images",
    "image files without labels, for codecs that reconstruct",
    {"classes": 0},
    describe="ratefront.data.images.unlabelled_images:describe_images",
)


def dataset_name(dataset: Mapping[str, Any]) -> str:
    """Return a sweep's data set as people call it: a user's own by its file or folder (``birds.npz``: ``birds``).

    ``dataset`` is the sweep file's description: plain data with a ``name``.
    """
    name = str(dataset["name"])
    model = DATASETS[name].parameters if name in DATASETS else DatasetParameters
    return model.display_name(dataset) or name
