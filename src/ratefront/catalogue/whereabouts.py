"""Which parameters say where files lie, and nothing of what is in them: files that are moved stay the same files."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel


class Whereabouts:
    """Marks a parameter in its annotation, as ``Annotated[str, WHEREABOUTS]``."""


WHEREABOUTS = Whereabouts()


def whereabouts_of(parameters: type[BaseModel]) -> frozenset[str]:
    """The names of the parameters that are marked so."""
    fields = parameters.model_fields.items()
    return frozenset(
        name for name, field in fields if _marked(field.metadata) or _is_marked(field.annotation)
    )


def _is_marked(annotation: Any) -> bool:
    """Also within a union, as of a path that need not be given."""
    metadata = getattr(annotation, "__metadata__", ())
    return _marked(metadata) or any(map(_is_marked, get_args(annotation)))


def _marked(metadata: Any) -> bool:
    return any(isinstance(item, Whereabouts) for item in metadata)
