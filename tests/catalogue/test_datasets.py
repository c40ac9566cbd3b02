"""What a data set is called, wherever a sweep is shown."""

from __future__ import annotations

import pytest

from ratefront.catalogue.datasets import dataset_name


@pytest.mark.parametrize(
    ("dataset", "called"),
    [
        ({"name": "digits", "split_seed": 0}, "digits"),
        ({"name": "mnist", "root": "/data/downloads"}, "mnist"),
        ({"name": "arrays", "path": "/data/birds.npz", "split_seed": 3}, "birds"),
        ({"name": "arrays", "path": "/data/birds.2026.npz"}, "birds.2026"),
        ({"name": "image_folder", "root": "/data/birds.v2", "size": 64}, "birds.v2"),
        ({"name": "images", "root": "/data/kodak/"}, "kodak"),
        ({"name": "image_folder", "root": "/"}, "image_folder"),
        ({"name": "arrays"}, "arrays"),
        ({"name": "of a plugin that is not here", "path": "x.npz"}, "of a plugin that is not here"),
    ],
)
def test_own_data_are_named_after_their_file_or_folder(dataset: dict[str, object], called: str) -> None:
    assert dataset_name(dataset) == called
