"""Everything that can be wrong in a sweep file: path, value and valid choices are in the message."""

# ruff: noqa: E501  (one case a line reads as a table)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratefront.catalogue import CATALOGUE
from ratefront.cli.shared_arguments import overrides_of
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.resource_check import check_capacity
from ratefront.spec.sweep_spec import BoundName, SweepSpec
from ratefront.trial_records import OBJECTIVES

FAMILIES = ", ".join(CATALOGUE.families)
SPLIT = "space.family.split"
LABEL = "space.family.label"
SPLIT_PARAMETERS = ", ".join(CATALOGUE.families["split"].parameters.model_fields)
SPLIT_POINTS = ", ".join(CATALOGUE.task_models["small_cnn"].facts["splits"])
KEYS = ", ".join(SweepSpec.model_fields)

#: what is changed, as ``--set`` writes it → the one problem that it makes
SETTINGS = {
    "trails=3": f'trails: unknown key "trails"; did you mean "trials"? valid: {KEYS}',
    "trials=0": "trials: must be ≥ 1, got 0",
    "trials=-1": "trials: must be ≥ 1, got -1",
    "trials=2.5": "trials: must be a whole number, got 2.5",
    "trials=true": "trials: must be a whole number, got true",
    'trials="24"': 'trials: must be a whole number, got "24"',
    "objectives=[rate_bits, acuracy]": 'objectives[1]: unknown objective "acuracy"; did you mean "accuracy"? '
    f"valid: {', '.join(OBJECTIVES)}",
    "objectives=[]": "objectives: needs at least 1, got []",
    "objectives=accuracy": 'objectives: must be a list, got "accuracy"',
    "objectives=[accuracy, accuracy]": 'objectives: "accuracy" is listed twice',
    "objectives=[accuracy, encode_ms]": "reference.encode_ms: is required where encode_ms is an objective, "
    "but missing (it has no default)",
    "bounds=[oracel]": 'bounds[0]: unknown bound "oracel"; did you mean "oracle"? '
    f"valid: {', '.join(BoundName.__args__)}",  # type: ignore[attr-defined]
    "bounds=[oracle, oracle]": 'bounds: "oracle" is listed twice',
    "reference.acuracy=0.5": 'reference.acuracy: unknown objective "acuracy"; did you mean "accuracy"? '
    f"valid: {', '.join(OBJECTIVES)}",
    "reference.encode_ms=5": 'reference.encode_ms: unknown objective of this sweep "encode_ms"; '
    "valid: rate_bits, accuracy, transmitter_bytes",
    "reference.accuracy=1": "reference.accuracy: must be in [0, 1), got 1.0",
    "reference.rate_bits=.inf": "reference.rate_bits: must be finite, got Infinity",
    "reference.rate_bits=0": "reference.rate_bits: must be ≥ 1e-06, got 0.0",
    "end_when={}": "end_when: give no_gain_for, within, or both",
    "end_when.no_gain_for=0": "end_when.no_gain_for: must be ≥ 1, got 0",
    "end_when.no_gain_fro=3": 'end_when.no_gain_fro: unknown key "no_gain_fro"; did you mean "no_gain_for"? valid: no_gain_for, least_gain, within',
    "end_when.within={percent: -1}": "end_when.within.percent: must be ≥ 0, got -1",
    "end_when.within={bound: tmrd}": 'end_when.within.bound: unknown value "tmrd"; valid: oracle, task_model',
    "end_when.within.bond=oracle": 'end_when.within.bond: unknown key "bond"; did you mean "bound"? valid: bound, percent',
    "sampler.name=tpee": 'sampler.name: unknown sampler "tpee"; did you mean "tpe"? valid: auto, tpe, nsga2, gp, grid, random',
    "sampler.sed=1": 'sampler.sed: unknown key "sed"; did you mean "seed"? valid: name, seed, startup_trials',
    "resources.cpus=0": "resources.cpus: must be ≥ 0.01, got 0",
    "resources.gpus=-1": "resources.gpus: must be ≥ 0, got -1",
    "resources.families.lable.cpus=2": 'resources.families.lable: unknown family of this sweep "lable"; '
    'did you mean "label"? valid: label, split',
    "resources.families.label.cpu=2": 'resources.families.label.cpu: unknown key "cpu"; did you mean "cpus"? '
    "valid: cpus, gpus",
    "resources.families.label.cpus=0": "resources.families.label.cpus: must be ≥ 0.01, got 0",
    "resources.families=3": "resources.families: must be a mapping, got 3",
    "resources.families.split.gpus=1.5": "resources.families.split.gpus: a trial computes on one GPU: give 1, or its share of one, got 1.5",
    "keep=some": 'keep: unknown value "some"; valid: all, front, none',
    "retries=-1": "retries: must be ≥ 0, got -1",
    "trial_hours=0": "trial_hours: must be ≥ 0.0001, got 0",
    "trial_hours=.inf": "trial_hours: must be finite, got Infinity",
    "trial_hours=two": 'trial_hours: must be a number, got "two"',
    "training.learning_rate=.nan": "training.learning_rate: must be finite, got NaN",
    "block_size=0": "block_size: must be ≥ 1, got 0",
    "name=a/b": 'name: must match ^[A-Za-z0-9][A-Za-z0-9._-]*$, got "a/b"',
    "dataset=digit": f'dataset: unknown dataset "digit"; did you mean "digits"? valid: {", ".join(CATALOGUE.datasets)}',
    "dataset.split_sed=1": 'dataset.split_sed: unknown key "split_sed"; did you mean "split_seed"? '
    f"valid: {', '.join(CATALOGUE.datasets['digits'].parameters.model_fields)}",
    "dataset={split_seed: 1}": "dataset.name: is required, but missing",
    "task_model.name=small_cn": 'task_model.name: unknown task model "small_cn"; did you mean "small_cnn"? '
    f"valid: {', '.join(CATALOGUE.task_models)}",
    "task_model.epochs=0": "task_model: epochs: must be ≥ 1 where there are no trained weights (weights: FILE), got 0",
    "space=3": "space: must be a mapping, got 3",
    "trials.x=3": "trials.x: trials is 4, not a mapping",
}

#: the same, inside the space
SPACE = {
    "space.famly={}": 'space.famly: unknown key "famly"; did you mean "family"? valid: family',
    "space.family=label": "space.family: must be a mapping from each family to its own space, "
    f'got "label"; valid: {FAMILIES}',
    "space.family={}": f"space.family: must be a mapping from each family to its own space, got {{}}; valid: {FAMILIES}",
    "space.family.splt={}": f'space.family.splt: unknown family "splt"; did you mean "split"? valid: {FAMILIES}',
    f"{SPLIT}.bta=3": f'{SPLIT}.bta: unknown parameter "bta"; did you mean "beta"? valid: {SPLIT_PARAMETERS}',
    f"{SPLIT}.split=[conv1, conv9]": f'{SPLIT}.split[1]: unknown value "conv9"; did you mean "conv3"? '
    f"valid: {SPLIT_POINTS}",
    f"{SPLIT}.split=cnv1": f'{SPLIT}.split: unknown value "cnv1"; did you mean "conv1"? valid: {SPLIT_POINTS}',
    f"{SPLIT}.split=[]": f"{SPLIT}.split: an empty list holds no choice",
    f"{SPLIT}.split=": f"{SPLIT}.split: has no value",
    f"{SPLIT}.split=[conv1, conv1]": f'{SPLIT}.split: "conv1" is listed twice',
    f"{SPLIT}.split=[[conv1]]": f'{SPLIT}.split[0]: must be a single value, got ["conv1"]',
    f"{SPLIT}.beta.float=[500, 0.5]": f"{SPLIT}.beta: low must be < high, got [500, 0.5]",
    f"{SPLIT}.beta.float=[5, 5]": f"{SPLIT}.beta: low must be < high, got [5, 5]",
    f"{SPLIT}.beta.float=[5]": f"{SPLIT}.beta: must be two numbers [low, high], got [5]",
    f"{SPLIT}.beta.float=[1, .inf]": f"{SPLIT}.beta: high of the range must be finite, got inf",
    f"{SPLIT}.beta.log=maybe": f'{SPLIT}.beta.log: must be true or false, got "maybe"',
    f"{SPLIT}.beta.lgo=true": f'{SPLIT}.beta.lgo: unknown key "lgo"; did you mean "log"? valid: float, log',
    f"{SPLIT}.beta={{floot: [1, 2]}}": f"{SPLIT}.beta: must be a value or a list of values or {{float: [low, high]}} "
    'or {int: [low, high]}, got {"floot": [1, 2]}',
    f"{SPLIT}.beta={{float: [0, 5]}}": f"{SPLIT}.beta: low of the range must be ≥ 1e-06, got 0",
    f"{SPLIT}.beta=0": f"{SPLIT}.beta: must be ≥ 1e-06, got 0",
    f'{SPLIT}.beta="3"': f'{SPLIT}.beta: must be a number, got "3"',
    f"{SPLIT}.entropy_model.categorical.alphabet=[2, '4']": f"{SPLIT}.entropy_model.categorical.alphabet[1]: "
    'must be a whole number, got "4"',
    f"{SPLIT}.beta={{}}": f"{SPLIT}.beta: an empty mapping holds no option",
    f"{SPLIT}.objective=[cross_entropy, mse]": f'{SPLIT}.objective[1]: unknown value "mse"; '
    "valid: cross_entropy, feature_distillation",
    f"{SPLIT}.objective={{float: [1, 2]}}": f"{SPLIT}.objective: must be a value or a list of values or a mapping "
    'from values to further parameters, got {"float": [1, 2]}; values: cross_entropy, feature_distillation',
    f"{SPLIT}.refine.sgaa={{}}": f'{SPLIT}.refine.sgaa: unknown value "sgaa"; did you mean "sga"? valid: none, sga',
    f"{SPLIT}.refine.sga=3": f"{SPLIT}.refine.sga: must be a mapping of parameters, got 3",
    f"{SPLIT}.refine.sga={{}}": f"{SPLIT}: refine_steps is needed when refine is not none",
    f"{SPLIT}.refine=[none, sga]": f"{SPLIT}: refine_steps is needed when refine is not none",
    f"{SPLIT}.refine.sga.beta=3": f"{SPLIT}.refine.sga.beta: occurs twice along one path, first at {SPLIT}.beta",
    f"{SPLIT}.refine.sga.refine_steps.int=[1.5, 3]": f"{SPLIT}.refine.sga.refine_steps: must be two whole numbers "
    "[low, high], got [1.5, 3]",
    f"{SPLIT}.entropy_model.factorized.width.int=[1, 5000]": f"{SPLIT}.entropy_model.factorized.width: "
    "high of the range must be ≤ 4096, got 5000",
    f"{SPLIT}.entropy_model.factorized.width={{float: [1, 5]}}": f"{SPLIT}.entropy_model.factorized.width: must be "
    'a value or a list of values or {int: [low, high]}, got {"float": [1, 5]}',
    f"{SPLIT}.entropy_model.categorical={{alphabet: 2}}": f"{SPLIT}.width: is required, but missing "
    'where entropy_model is "categorical"',
    f"{SPLIT}.entropy_model.categorical={{width: 2}}": f"{SPLIT}: alphabet is needed when entropy_model is categorical",
    "space.family.label=": "space.family.label.method: is required, but missing",
    "space.family.label=[lossless]": 'space.family.label: must be a mapping of parameters, got ["lossless"]',
    "space.family.label.method.merged.merged_classes.int=[2, 10]": "space.family.label.method.merged.merged_classes: "
    "high of the range must be ≤ 9, got 10",
    f"{LABEL}.classifier.small={{classifier_width: 4}}": f"{LABEL}: classifier_depth is needed when classifier is small",
    f"{LABEL}.classifier.small={{classifier_width: 4, classifier_depth: 4}}": f"{LABEL}: classifier_depth 4 is too large "
    "for samples (1, 8, 8): each layer halves the sides, and none may begin with a side of 1; valid there: up to 3",
    f"{LABEL}.classifier.task_model={{classifier_width: 4}}": f"{LABEL}: classifier_width means nothing when "
    "classifier is task_model",
    f"{LABEL}.classifier.small={{classifier_width: 4, classifier_depth: 2, pruning: structured, pruned_share: 0.5}}": (
        f"{LABEL}: pruning means nothing when classifier is small: it has classifier_width and classifier_depth"
    ),
    f"{LABEL}.classifier=[task_model, small]": f"{LABEL}: classifier_width is needed when classifier is small",
}


@pytest.mark.parametrize(
    ("override", "problem"), [*SETTINGS.items(), *SPACE.items()], ids=[*SETTINGS, *SPACE]
)
def test_one_mistake_makes_one_problem(
    problems: Callable[..., list[str]], override: str, problem: str
) -> None:
    assert problems(override) == [problem]


def test_a_logarithmic_range_starts_above_zero(
    plain: dict[str, Any], problems: Callable[..., list[str]]
) -> None:
    plain["space"]["family"]["label"] = {"method": "time_shared", "share": {"float": [0, 0.5], "log": True}}
    assert problems() == [
        "space.family.label.share: low of the range must be ≥ 1e-06, got 0",
        "space.family.label.share: a logarithmic range needs low > 0, got [0, 0.5]",
    ]


def test_a_parameter_twice_on_a_path_is_found_across_branches(
    plain: dict[str, Any], problems: Callable[..., list[str]]
) -> None:
    split = plain["space"]["family"]["split"]
    split["refine"]["none"] = {"width": 3}
    found = problems()
    assert found == [
        f"{SPLIT}.refine.none.width: occurs twice along one path, first at {SPLIT}.entropy_model.categorical.width"
    ]


def test_a_branch_without_a_parameter_is_named_by_its_options(
    plain: dict[str, Any], problems: Callable[..., list[str]]
) -> None:
    split = plain["space"]["family"]["split"]
    del split["beta"]
    split["refine"]["none"] = {"beta": 3}
    split["refine"]["sga"]["objective"] = {"cross_entropy": {"beta": 2}, "feature_distillation": {}}
    assert problems() == [f'{SPLIT}.beta: is required, but missing where objective is "feature_distillation"']


def test_all_problems_are_reported_at_once(plain: dict[str, Any], problems: Callable[..., list[str]]) -> None:
    plain["trails"] = plain.pop("trials")
    plain["space"]["family"]["split"]["split"] = ["conv9"]
    plain["space"]["family"]["split"]["beta"]["float"] = [5, 1]
    del plain["space"]["family"]["label"]["method"]
    found = problems("dataset=mnits", "name.x=1")
    assert [line.split(":")[0] for line in found] == [
        "name.x",
        "trials",
        "trails",
        "dataset",
        "space.family.label.method",
        f"{SPLIT}.split[0]",
        f"{SPLIT}.beta",
    ]


@pytest.mark.parametrize("key", [name for name, f in SweepSpec.model_fields.items() if f.is_required()])
def test_a_missing_required_key_is_reported(
    plain: dict[str, Any], problems: Callable[..., list[str]], key: str
) -> None:
    del plain[key]
    assert problems() == [f"{key}: is required, but missing"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: a\ntrials: 3\nname: b\n", "line 3, column 1: the key 'name' stands twice in one mapping"),
        ("name: [a\ntrials: 3\n", "line 2, column 7: expected ',' or ']', but got ':'"),
        (
            "name: !!python/object:os.system {}\n",
            "the tag 'tag:yaml.org,2002:python/object:os.system' is none of plain data",
        ),
        ("name: &a {b: *a}\n", "line 1, column 14: the alias *a stands inside what it stands for"),
        ("name: \x07\n", "no plain YAML: unacceptable character"),
        ("", f"must be a mapping of settings, got null; valid: {KEYS}"),
        ("- name\n", f'must be a mapping of settings, got ["name"]; valid: {KEYS}'),
    ],
)
def test_what_is_no_sweep_file_is_refused(write: Callable[[Any], Path], text: str, problem: str) -> None:
    path = write(text)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]
    assert str(caught.value).startswith(f"{path}: 1 problem(s)\n")


def test_an_unreadable_file_is_a_spec_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot be read: No such file"):
        load_spec(tmp_path / "absent.yaml")
    with pytest.raises(SpecError, match=r"cannot be read: Is a directory"):
        load_spec(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SpecError, match=r"is no UTF-8 text: .* at byte 6"):
        load_spec(tmp_path / "binary.yaml")


def test_a_trial_that_fits_on_no_machine_is_reported(
    write: Callable[[Any], Path], plain: dict[str, Any]
) -> None:
    spec = load_spec(write(plain), {"resources.cpus": 4, "resources.gpus": 0.5}).spec
    assert check_capacity(spec, cpus=4, gpus=1) == []
    assert check_capacity(spec, cpus=2, gpus=0) == [
        "resources.cpus: asks for 4 cores where there are 2 (for label, split, the task model)",
        "resources.gpus: asks for 0.5 GPUs where there are 0 (for label, split)",
    ]


def test_a_family_that_fits_on_no_machine_is_named(
    write: Callable[[Any], Path], plain: dict[str, Any]
) -> None:
    changes = ["resources.families.split.cpus=4", "resources.families.label.gpus=1"]
    spec = load_spec(write(plain), overrides_of(changes)).spec
    assert check_capacity(spec, cpus=4, gpus=1) == []
    assert check_capacity(spec, cpus=2, gpus=0) == [
        "resources.families.label.gpus: asks for 1 GPUs where there are 0 (for label)",
        "resources.families.split.cpus: asks for 4 cores where there are 2 (for split)",
    ]
