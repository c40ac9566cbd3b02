"""``end_when`` ends a sweep of real workers, and a person lets it go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.history.events import BoundsReady, EndRuleMet, Planned
from ratefront.spec.settings.end_settings import EndWhen
from ratefront.store.ledger.ledger_file import read_entries

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("gpu_cluster")]

OPTIONS = tuple(range(7, 19))


def test_a_sweep_without_gains_ends_and_goes_on_when_asked(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"

    def loaded(end_when: EndWhen | None) -> Any:
        spec = fake.loaded(len(OPTIONS), OPTIONS, concurrent=2)
        return replace(spec, spec=spec.spec.model_copy(update={"end_when": end_when}))

    rules = EndWhen(no_gain_for=2, least_gain=1.0)  # more than twice the hypervolume is rare
    history = fake.run(loaded(rules), folder)
    assert history.ended_by_rule
    assert "the last 2 trials have not enlarged the hypervolume by over 100 %" in history.ended_early
    assert history.trials_ended < len(OPTIONS)
    assert history.counts["running"] == 0
    events = [entry.event for entry in read_entries(folder / "ledger.jsonl")]
    places = {
        kind: [n for n, event in enumerate(events) if isinstance(event, kind)]
        for kind in (BoundsReady, Planned, EndRuleMet)
    }
    assert len(places[BoundsReady]) == len(places[EndRuleMet]) == 1
    assert places[BoundsReady] < places[Planned][:1]
    assert places[Planned][-1:] < places[EndRuleMet]
    assert history.bounds_ready.missing.keys() == {"oracle", "task_model"}, (
        "the fake task model has no predictions"
    )

    before = (folder / "ledger.jsonl").read_bytes()
    assert fake.run(loaded(rules), folder, resume=True).ended_by_rule
    assert (folder / "ledger.jsonl").read_bytes() == before, "nothing is left to do"

    ended = history.trials_ended
    history = fake.run(loaded(None), folder, resume=True)
    assert (history.trials_ended, history.ended_early) == (len(OPTIONS), "")
    assert ended < history.trials_ended
