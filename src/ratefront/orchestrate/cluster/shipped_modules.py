"""Copies the user's own modules, so that nodes which do not see them get them with the sweep."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ratefront.errors import InputError
from ratefront.spec.import_paths.target_modules import module_of_task_model, modules_of_metrics
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.user_modules import is_installed, own_modules

#: Ray keeps what it sends in the memory of the cluster's head.
MOST_BYTES = 32 * 2**20


def own_code(spec: SweepSpec) -> dict[str, Path]:
    """Return the files, by module name, of the user's task model and metrics that are in no installed package.

    Of a package all Python files count, since a part of it would hide the whole.
    """
    modules = own_modules([module_of_task_model(spec.task_model)], modules_of_metrics(spec))
    files = {name: file for name, file in modules.items() if not is_installed(file)}
    for name, file in list(files.items()):
        if file.name == "__init__.py":
            files |= _of_package(name, file.parent)
    return files


def import_folders(files: Mapping[str, Path]) -> list[Path]:
    """Return the folders from which these modules are imported."""
    return sorted({_import_folder(name, file) for name, file in files.items()})


@contextmanager
def copied(files: Mapping[str, Path]) -> Iterator[list[str]]:
    """Copy these modules into a folder of their own, as their names nest; yield what lies in it.

    Raises:
        InputError: They are too large.
    """
    size = sum(file.stat().st_size for file in files.values())
    if size > MOST_BYTES:
        raise InputError(
            f"the code of the task model and the metrics has {size} bytes, more than the {MOST_BYTES} that are sent to "
            "nodes: install it there as a package"
        )
    with tempfile.TemporaryDirectory(prefix="ratefront-modules-") as folder:
        for name, file in files.items():
            place = Path(folder) / file.relative_to(_import_folder(name, file))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        yield sorted(str(entry) for entry in Path(folder).iterdir())


def _of_package(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules in a package's folder. Other Python files, as of editors and notebooks, cannot be imported."""
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        if file.is_file() and all(part.isidentifier() for part in parts):
            yield ".".join((name, *(part for part in parts if part != "__init__"))), file


def _import_folder(name: str, file: Path) -> Path:
    depth = name.count(".") + (file.name == "__init__.py")
    return file.absolute().parents[depth]
