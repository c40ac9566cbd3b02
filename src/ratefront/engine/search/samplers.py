"""The samplers of a sweep file behind one interface. Each suggests a whole configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeAlias

from typing_extensions import override

from ratefront.engine.search.expected_gain.front_search import FrontSearch
from ratefront.engine.search.first_trials import random_choice
from ratefront.engine.search.sampler_memory import BoundedMemory, GenerationMemory, SamplerMemory
from ratefront.engine.search.seeds import stable_seed
from ratefront.spec.goals.constraints import Constraint
from ratefront.spec.space.configurations import configurations
from ratefront.spec.space.dimensions import Space, assign
from ratefront.spec.sweep_spec import Sampler
from ratefront.trial_records import Objectives, Scalar

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from ratefront.engine.search.sampler_study import SamplerStudy

Values: TypeAlias = dict[str, Scalar]
IsDue: TypeAlias = Callable[[Values], bool]


class ConfigurationSampler(Protocol):
    """What the suggester asks.

    A suggestion follows from the sampler's seed, the trial's number and what the memory shows, whatever was asked
    before.

    Attributes:
        memory: What the sampler sees of the sweep.
        startup_trials: How many trials are spread over the space before the sampler is asked.
    """

    memory: SamplerMemory
    startup_trials: int

    def suggest(self, number: int, question: int, is_due: IsDue) -> Values | None:
        """Suggest the values of a trial; None where the sampler has nothing to say.

        Args:
            number: The trial's, from 0.
            question: How often this trial was asked for before, because an earlier suggestion was not due.
            is_due: Whether a configuration may be tried; a sampler may suggest one that is not.
        """

    def know_reference(self, reference: Mapping[str, float]) -> None:
        """Take in what is known of the hypervolume's corner, in the objectives' own units; most have no use for it."""
        return


class RandomSampler(ConfigurationSampler):
    """Draws each parameter independently and uniformly, from the first trial on."""

    def __init__(self, settings: Sampler, space: Space, objectives: Objectives) -> None:
        self.memory = BoundedMemory(objectives)
        self.startup_trials, self._seed, self._space = settings.startup_trials, settings.seed, space

    @override
    def suggest(self, number: int, question: int, is_due: IsDue) -> Values:
        seed = stable_seed("suggest", self._seed, number, question)
        return assign(self._space, random_choice(Random(seed)))  # noqa: S311


class GridSampler(ConfigurationSampler):
    """Tries every configuration of a finite space once, in a random order."""

    def __init__(self, settings: Sampler, space: Space, objectives: Objectives) -> None:
        self.memory = BoundedMemory(objectives)
        self.startup_trials, self._seed, self._space = 0, settings.seed, space

    @cached_property
    def _order(self) -> list[Values]:
        random = Random(stable_seed("grid", self._seed))  # noqa: S311
        order = list(configurations(self._space, random))
        random.shuffle(order)
        return order

    @override
    def suggest(self, number: int, question: int, is_due: IsDue) -> Values | None:
        start = number % len(self._order)  # its own place is due, unless others came first
        ahead = self._order[start:] + self._order[:start]
        return next((dict(values) for values in ahead if is_due(values)), None)


class FrontSampler(ConfigurationSampler):
    """Tries what promises the largest gain of hypervolume for its time (see ``expected_gain``)."""

    def __init__(
        self,
        settings: Sampler,
        space: Space,
        objectives: Objectives,
        constraints: Sequence[Constraint],
    ) -> None:
        self.memory = BoundedMemory(objectives, constraints=constraints)
        self._search = FrontSearch(space, objectives, settings.seed, constraints)
        self.startup_trials = settings.startup_trials

    @override
    def suggest(self, number: int, question: int, is_due: IsDue) -> Values | None:
        return None if question else self._search.suggest(self.memory.shown, number, is_due)

    @override
    def know_reference(self, reference: Mapping[str, float]) -> None:
        self._search.know_reference(reference)


class StudySampler(ConfigurationSampler):
    """A sampler of Optuna's, which sees the memory as a study and is made anew for every suggestion."""

    def __init__(
        self, settings: Sampler, space: Space, objectives: Objectives, constraints: Sequence[Constraint]
    ) -> None:
        is_generational = settings.name == "nsga2"
        self.memory = (GenerationMemory if is_generational else BoundedMemory)(
            objectives, constraints=constraints
        )
        self.startup_trials = settings.startup_trials
        self._settings, self._space, self._objectives = settings, space, objectives
        self._constraints = constraints

    @cached_property
    def _study(self) -> SamplerStudy:
        from ratefront.engine.search.sampler_study import SamplerStudy  # Optuna takes a while to load

        return SamplerStudy(self._space, self._objectives, self._constraints)

    @override
    def suggest(self, number: int, question: int, is_due: IsDue) -> Values:
        self._study.show(self.memory.shown)
        return self._study.ask(self._sampler(stable_seed("suggest", self._settings.seed, number, question)))

    def _sampler(self, seed: int) -> BaseSampler:
        from ratefront.engine.search.branchwise_gp import BranchwiseGp
        from ratefront.engine.search.sampler_study import BranchwiseTpe, Nsga2

        if isinstance(self.memory, GenerationMemory):
            return Nsga2(self.memory.current, self._study.numbers(self.memory.parents), seed)
        startup = max(2, self.startup_trials // 2)
        kind = BranchwiseGp if self._settings.name == "gp" else BranchwiseTpe
        return kind(self._study.branches, startup, seed)


def sampler_of(
    settings: Sampler,
    space: Space,
    objectives: Objectives,
    constraints: Sequence[Constraint] = (),
) -> ConfigurationSampler:
    """Return the sampler that a sweep file asks for.

    Args:
        settings: The sweep file's ``sampler``.
        space: The search space.
        objectives: What is optimised.
        constraints: Trials that meet them are sought.
    """
    match settings.name:
        case "auto":
            return FrontSampler(settings, space, objectives, constraints)
        case "random":
            return RandomSampler(settings, space, objectives)
        case "grid":
            return GridSampler(settings, space, objectives)
        case _:
            return StudySampler(settings, space, objectives, constraints)
