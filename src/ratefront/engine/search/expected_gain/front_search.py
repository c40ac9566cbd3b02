"""Suggests the configuration whose expected gain of hypervolume is largest for the time that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from itertools import islice
from random import Random
from typing import TypeAlias

import numpy as np
from threadpoolctl import ThreadpoolController

from ratefront.engine.search.expected_gain.branch_features import (
    BranchFeatures,
    BranchKey,
    LocatedConfiguration,
)
from ratefront.engine.search.expected_gain.branch_model import BranchModel, PredictedTrials
from ratefront.engine.search.expected_gain.hypervolume_gain import expected_gains
from ratefront.engine.search.expected_gain.measured_trials import MeasuredTrials
from ratefront.engine.search.expected_gain.non_dominated_boxes import Boxes, non_dominated_boxes
from ratefront.engine.search.first_trials import neighbour, random_choice
from ratefront.engine.search.seeds import stable_seed
from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import FloatArray
from ratefront.spec.goals.constraints import Constraint
from ratefront.spec.space.configurations import configurations, count
from ratefront.spec.space.dimensions import Space, assign
from ratefront.trial_records import Objectives, Scalar

Values: TypeAlias = dict[str, Scalar]

#: A finite space up to this size is looked at as a whole; of a larger one, so many random configurations, and so many
#: that differ from one of the front in one parameter.
MOST_CANDIDATES, NEIGHBOURS = 256, 64

#: The exponent of the seconds: with 1 a front costs least time, with 0 least trials.
COST_WEIGHT = 0.5

#: The random configurations are others after so many suggestions.
POOL_LASTS = 8


class FrontSearch:
    """Suggests configurations from what a sampler's memory shows; keeps nothing but what it can compute again."""

    def __init__(
        self,
        space: Space,
        objectives: Objectives,
        seed: int,
        constraints: Sequence[Constraint] = (),
    ) -> None:
        """Make the search.

        Args:
            space: The search space.
            objectives: What is optimised.
            seed: The sampler's.
            constraints: A trial counts where it meets them.
        """
        self._space, self._seed = space, seed
        self._features = BranchFeatures(space)
        self._trials = MeasuredTrials(self._features, objectives, constraints)
        self._pool: tuple[int, list[LocatedConfiguration]] = (-1, [])

    def know_reference(self, reference: Mapping[str, float]) -> None:
        """Take in what is known of the hypervolume's corner, in the objectives' own units."""
        self._trials.reference = dict(reference)

    def suggest(
        self, shown: Mapping[str, TrialHistory], number: int, is_due: Callable[[Values], bool]
    ) -> Values | None:
        """Return the values of trial ``number``; None where no trial has a result yet, or no candidate is due.

        Args:
            shown: The trials that a sampler's memory shows.
            number: Counts trials from 0.
            is_due: Whether a configuration may be tried.
        """
        with _threads().limit(
            limits=1, user_api="blas"
        ):  # more of them wait for each other: the matrices are small
            return self._suggest(shown, number, is_due)

    def _suggest(
        self, shown: Mapping[str, TrialHistory], number: int, is_due: Callable[[Values], bool]
    ) -> Values | None:
        self._trials.take_in(shown)
        if not self._trials:
            return None
        candidates = [each for each in self._candidates(number) if is_due(dict(each.values))]
        if not candidates:
            return None
        models, expected = self._models_with_pending(shown)
        front = np.array([*self._trials.points(), *expected]).reshape(-1, len(self._trials.objectives))
        boxes = non_dominated_boxes(front, self._trials.corner())
        return self._best(candidates, models, boxes)

    def _models_with_pending(
        self, shown: Mapping[str, TrialHistory]
    ) -> tuple[dict[BranchKey, BranchModel], list[FloatArray]]:
        """Return the models as if trials without a result had measured what is most probable, and the points of some.

        So slots do not repeat each other, and what was stopped early is not tried again at once. Points are expected of
        trials that have not ended.
        """
        models, expected = dict(self._trials.models()), list[FloatArray]()
        stopped = [trial for trial in shown.values() if trial.status == "pruned"]
        pending = [trial for trial in shown.values() if trial.status in ("planned", "running")]
        for branch, group in _by_branch(self._features.locate(t.params.values) for t in stopped).items():
            model = models.get(branch) or self._trials.model_of_untried(branch)
            models[branch] = model.assuming(_stacked(group))
        for branch, group in _by_branch(self._features.locate(t.params.values) for t in pending).items():
            model, features = models.get(branch) or self._trials.model_of_untried(branch), _stacked(group)
            expected += self._trials.points_of(model.predict(features))
            models[branch] = model.assuming(features)
        return models, expected

    def _best(
        self,
        candidates: Iterable[LocatedConfiguration],
        models: Mapping[BranchKey, BranchModel],
        boxes: Boxes,
    ) -> Values | None:
        best, values = -math.inf, None
        for branch, group in sorted(_by_branch(candidates).items()):
            model = models.get(branch) or self._trials.model_of_untried(branch)
            scores = self._scores(model.predict(_stacked(group)), boxes)
            place = int(np.argmax(scores))
            if scores[place] > best:
                best, values = float(scores[place]), dict(group[place].values)
        return values

    def _scores(self, predicted: PredictedTrials, boxes: Boxes) -> FloatArray:
        """Return the expected gain for its time (N,)."""
        axes = [predicted.by_quantity[name] for name in self._trials.objectives]
        limits = [(predicted.by_quantity[name], limit) for name, limit in self._trials.limits.items()]
        gains = expected_gains(axes, boxes, limits)
        return np.nan_to_num(gains / np.maximum(predicted.seconds, 1e-3) ** COST_WEIGHT, nan=0.0)

    # Candidates.

    def _candidates(self, number: int) -> list[LocatedConfiguration]:
        age = 0 if self._is_small else number // POOL_LASTS
        if self._pool[0] != age:
            self._pool = age, [self._features.locate(values) for values in self._drawn(age)]
        return self._pool[1] if self._is_small else [*self._pool[1], *self._beside_the_front(number)]

    @cached_property
    def _is_small(self) -> bool:
        size = count(self._space)
        return size is not None and size <= MOST_CANDIDATES + NEIGHBOURS

    def _drawn(self, age: int) -> list[Values]:
        random = Random(stable_seed("candidates", self._seed, age))  # noqa: S311
        if self._is_small:
            return list(islice(configurations(self._space, random), MOST_CANDIDATES + NEIGHBOURS))
        return [assign(self._space, random_choice(random)) for _ in range(MOST_CANDIDATES)]

    def _beside_the_front(self, number: int) -> list[LocatedConfiguration]:
        """Return configurations that differ from one of the front in one parameter."""
        random = Random(stable_seed("neighbours", self._seed, number))  # noqa: S311
        front = self._trials.front()
        if not front:
            return []
        drawn = [neighbour(self._space, random.choice(front), random) for _ in range(NEIGHBOURS)]
        return [self._features.locate(values) for values in drawn]


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _by_branch(located: Iterable[LocatedConfiguration]) -> dict[BranchKey, list[LocatedConfiguration]]:
    grouped: dict[BranchKey, list[LocatedConfiguration]] = {}
    for each in located:
        grouped.setdefault(each.branch, []).append(each)
    return grouped


def _stacked(group: Sequence[LocatedConfiguration]) -> FloatArray:
    return np.stack([each.features for each in group])
