"""Parameters that name the location of files and nothing of their content: a moved file stays the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field

from ratefront.bounded_files import check_regular_file
from ratefront.errors import InputError


class FileLocation:
    """Marks a parameter in its annotation, as ``Annotated[str, FILE_LOCATION]``."""


FILE_LOCATION = FileLocation()


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


#: A path as text, since a sweep file is plain data; absolute, since workers run in folders of their own.
AbsolutePath = Annotated[str, Field(min_length=1), AfterValidator(_absolute), FILE_LOCATION]


def file_location_parameters(parameters: type[BaseModel]) -> frozenset[str]:
    """Return the names of the parameters that are marked as file locations."""
    fields = parameters.model_fields.items()
    return frozenset(
        name for name, field in fields if _marked(field.metadata) or _is_marked(field.annotation)
    )


def check_locations(parameters: BaseModel) -> None:
    """Check that no parameter names a FIFO, a device or a socket, which would be read for ever.

    Whether a file or folder is there, its reader says better.

    Raises:
        InputError: One does.
    """
    for name in sorted(file_location_parameters(type(parameters))):
        location = getattr(parameters, name)
        path = Path(location) if isinstance(location, str) else None
        try:
            if path is not None and not path.is_dir():
                check_regular_file(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InputError(f"{name}: {location}: {error.strerror}") from error


def _is_marked(annotation: Any) -> bool:
    """Return whether the annotation is marked, also inside a union such as an optional path."""
    metadata = getattr(annotation, "__metadata__", ())
    return _marked(metadata) or any(map(_is_marked, get_args(annotation)))


def _marked(metadata: Any) -> bool:
    return any(isinstance(item, FileLocation) for item in metadata)
