"""Python code that stored files name: it runs if the user says that it is theirs, or if it has run for them before.

Ledgers, recorded tables and codecs name functions, and may come from a stranger. What a user's own sweep file names is
remembered on this machine: the function, and path and digest of each of the user's modules behind it. So an author
resumes a sweep without being asked, and code that has changed is asked about again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from ratefront.errors import InputError
from ratefront.user_memory import UserMemory, digest_of
from ratefront.user_modules import module_digests, module_files, own_modules
from ratefront.wording import Argument, Message

_MEMORY = UserMemory("known_code")

#: Path and SHA-256 by module.
Sources: TypeAlias = Mapping[str, list[str]]


class NamedCode(NamedTuple):
    """A function that a file names.

    Attributes:
        role: What it is called as. A metric that is known is not thereby known as a task model.
        target: Its import path, ``package.module:function``.
    """

    role: Literal["task model", "metric"]
    target: str

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.target.partition(":")[0]

    @property
    def is_shipped(self) -> bool:
        """Whether it is a metric of ratefront's own."""
        return self.role == "metric" and self.module == "ratefront.metrics"


def check_may_run(codes: Iterable[NamedCode], source: str, *, own_module: bool) -> None:
    """Check that each function may be imported and called. Nothing is imported for that.

    Args:
        codes: What a stored file names.
        source: The file or sweep, for the message.
        own_module: The user says that this code is theirs.

    Raises:
        InputError: One is neither allowed nor known to this machine.
    """
    for code in codes:
        if own_module or code.is_shipped:
            continue
        sources = _sources_of(code)
        if not (sources and _MEMORY.holds(_file_name(code, sources))):
            raise InputError(
                Message(
                    f"{source}: its {code.role} is Python code, {code.target!r}, which is run only where you say that "
                    "it is yours (",
                    Argument("own_module", True),
                    f"): {_why_unknown(code, sources)}",
                )
            )


def remember(codes: Iterable[NamedCode]) -> None:
    """Remember that the user runs these functions with the modules that they have now."""
    for code in codes:
        if not code.is_shipped and (sources := _sources_of(code)):
            _MEMORY.remember(_file_name(code, sources), json.dumps(sources))


def _sources_of(code: NamedCode) -> Sources:
    """Find the user's modules behind a function; empty where they cannot be found or read.

    The path counts, because Python may run a compiled file that lies beside a module instead of its source.
    """
    is_metric = code.role == "metric"
    modules = own_modules((), [code.module]) if is_metric else own_modules([code.module])
    modules = modules or module_files([code.module])  # ratefront's, torch's
    try:
        digests = module_digests(modules, "")
        return {name: [str(file.resolve()), digests[f" {name}"]] for name, file in modules.items()}
    except OSError:
        return {}


def _why_unknown(code: NamedCode, sources: Sources) -> str:
    if not sources:
        return (
            f"there is no module {code.module} on PYTHONPATH"
            if not module_files([code.module])
            else "it is no code of your own"
        )
    files = ", ".join(path for path, _ in sources.values())
    earlier = _last_sources(code)
    changed = [name for name, source in sources.items() if earlier.get(name) != source]
    if earlier and changed:
        return f"this machine has run it for you before, but {', '.join(changed)} has changed since ({files})"
    return f"this machine has not run it for you before ({files})"


def _file_name(code: NamedCode, sources: Sources) -> str:
    return f"{digest_of(code)}-{digest_of(sources)}.json"


def _last_sources(code: NamedCode) -> Sources:
    """Return the sources with which the function was last remembered; empty if it never was."""
    try:
        content: Sources = json.loads(_MEMORY.latest(f"{digest_of(code)}-") or "{}")
    except ValueError:  # half of one
        return {}
    return content
