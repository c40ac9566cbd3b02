"""Bounds on the rate–accuracy trade-off: for any codec, and for codecs behind a given task model.

Start with `from_predictions`, `from_file`, `from_prior`, `from_counts_file` or `example`. Each returns `Bounds`:
curves by name (`RateDistortionCurve`) and what is known of their source. `Bounds.gaps` compares a point of your
own with the curves; `Bounds.plot` and `Bounds.save_figure` draw them; `Bounds.to_json` gives the JSON document.

    bounds = from_predictions(labels, logits=logits)
    bounds["oracle"].rate_at(0.05)                                # bit/sample at 95 % accuracy
    bounds.gaps(rate_bits=4.0, accuracy=0.93)["task_model"].bits

These are the parts, for readers who build bounds of their own:

- the names of curves (`ORACLE`, ...). `RECIPES` lists the curves that predictions allow; `CURVE_KINDS` says what
  theory guarantees for each curve.
- single curves and single numbers: `oracle_curve`, `oracle_rate_bits`, `task_model_curve`, ...; for other
  distortions `top_k_oracle`, `cost_oracle`, `log_loss_oracle`, `rate_invariance_curve`.
- real codes: `huffman_code`, `BlockCode`, `merged_classes`, ...
- what others have published: `published_points`, by data set, in bit/sample.
- what samples say: `Predictions`, `calibrated`, `expected_calibration_error`, `cross_fit`, `below_oracle`,
  `word_entropy`.
- a point's rate in steps from the oracle to what was paid: `waterfall`.
- the solver: `blahut_arimoto`.

The room imports NumPy, SciPy, `ratefront.errors` and `ratefront.wording`, and nothing else. Figures are the
report's, with matplotlib; they are imported only when they are drawn. Import from this file; only the report also
takes names of curves, array types and the papers' examples from the files behind it.

Rates are in bit/sample. The distortion is P(Y^ != Y) unless a curve's `measure` says otherwise. The sources are
cited as RA (Bajic, rate–accuracy bounds), MA (Enttsel and Corlay, model-aware limits) and LL (Dubois et al.,
lossless prediction); docs/theory.md has the equations.
"""

from __future__ import annotations

from ratefront.bounds.below_oracle import below_oracle, upper_error_rate
from ratefront.bounds.codes.block_code import BlockCode
from ratefront.bounds.codes.operational_codes import (
    block_codes,
    block_huffman_rate_bits,
    fixed_length,
    huffman,
    merged_classes,
)
from ratefront.bounds.codes.prefix_code import PrefixCode, fixed_length_code, huffman_code
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_collection import Bounds
from ratefront.bounds.curve_names import (
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    INDIRECT_CROSS_FITTED,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
    ORACLE,
    PROBE,
    SAMPLE_AND_COMMUNICATE,
    TASK_MODEL,
    TASK_MODEL_CALIBRATED,
    TIME_SHARING,
)
from ratefront.bounds.curve_recipes import RECIPES, curve_names, curves_from_predictions
from ratefront.bounds.curves.estimate_and_compress import estimate_and_compress
from ratefront.bounds.curves.indirect_estimate_and_compress import (
    indirect_estimate_and_compress,
    indirect_from_posteriors,
)
from ratefront.bounds.curves.linear_rule import accuracy_per_bit, linear_rule
from ratefront.bounds.curves.oracle import (
    oracle_curve,
    oracle_point_at_slope,
    oracle_rate_bits,
    uniform_curve,
    uniform_curve_log2,
    uniform_rate_bits,
    uniform_rate_bits_log2,
)
from ratefront.bounds.curves.other_distortions import (
    cost_oracle,
    log_loss_oracle,
    top_k_oracle,
    top_k_rate_bits,
)
from ratefront.bounds.curves.rate_invariance import (
    coin_flips_entropy_bits,
    finite_set_entropy_bits,
    rate_invariance_curve,
    supervised_entropy_bits,
)
from ratefront.bounds.curves.sample_and_communicate import sample_and_communicate
from ratefront.bounds.curves.task_model_curve import task_model_curve, task_model_point
from ratefront.bounds.curves.time_sharing import time_sharing
from ratefront.bounds.examples.detection import detection_count, detection_log2_count
from ratefront.bounds.examples.mixture import mixture_curves
from ratefront.bounds.examples.paper_examples import (
    EXAMPLES,
    DetectionBounds,
    ExampleBounds,
    MixtureBounds,
    ModelNet40Bounds,
    PublishedBounds,
    example,
    modelnet40_test_counts,
)
from ratefront.bounds.examples.published_bounds import PublishedPanel, PublishedPoint
from ratefront.bounds.examples.published_points import PublishedSeries, published_points
from ratefront.bounds.gap import Gap
from ratefront.bounds.prediction_bounds import PredictionBounds, bounds_of, from_file, from_predictions
from ratefront.bounds.prior_bounds import PriorBounds, from_counts_file, from_prior, load_prior
from ratefront.bounds.rate_waterfall import Waterfall, WaterfallStage, WaterfallStep, waterfall
from ratefront.bounds.solver.blahut_arimoto import BlahutArimotoResult, UnconvergedWarning, blahut_arimoto
from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES
from ratefront.bounds.source.distributions import (
    entropy_bits,
    joint_from_decisions,
    prior_from_counts,
    prior_from_labels,
)
from ratefront.bounds.source.predictions import Predictions, ReadAs, load_predictions
from ratefront.bounds.source.scores import are_probabilities, refuse_probabilities
from ratefront.bounds.statistics.calibration import (
    Calibration,
    calibrated,
    temperature_of,
)
from ratefront.bounds.statistics.few_samples import few_samples_warning, samples_per_cell
from ratefront.bounds.statistics.held_out import HeldOut, cross_fit, indirect_cross_fitted
from ratefront.bounds.statistics.held_out_intervals import Bootstrap, HeldOutIntervals
from ratefront.bounds.statistics.reliability import expected_calibration_error
from ratefront.bounds.statistics.word_entropy import WordEntropy, word_entropy

__all__ = [
    "CURVE_KINDS",
    "ESTIMATE_AND_COMPRESS",
    "EXAMPLES",
    "INDIRECT_CROSS_FITTED",
    "INDIRECT_ESTIMATE_AND_COMPRESS",
    "INDIRECT_POSTERIOR",
    "ORACLE",
    "PROBE",
    "RECIPES",
    "SAMPLE_AND_COMMUNICATE",
    "SOLVED_SLOPES",
    "TASK_MODEL",
    "TASK_MODEL_CALIBRATED",
    "TIME_SHARING",
    "BlahutArimotoResult",
    "BlockCode",
    "Bootstrap",
    "Bounds",
    "Calibration",
    "DetectionBounds",
    "ExampleBounds",
    "Gap",
    "HeldOut",
    "HeldOutIntervals",
    "MixtureBounds",
    "ModelNet40Bounds",
    "PredictionBounds",
    "Predictions",
    "PrefixCode",
    "PriorBounds",
    "PublishedBounds",
    "PublishedPanel",
    "PublishedPoint",
    "PublishedSeries",
    "RateDistortionCurve",
    "ReadAs",
    "UnconvergedWarning",
    "Waterfall",
    "WaterfallStage",
    "WaterfallStep",
    "WordEntropy",
    "accuracy_per_bit",
    "are_probabilities",
    "below_oracle",
    "blahut_arimoto",
    "block_codes",
    "block_huffman_rate_bits",
    "bounds_of",
    "calibrated",
    "coin_flips_entropy_bits",
    "cost_oracle",
    "cross_fit",
    "curve_names",
    "curves_from_predictions",
    "detection_count",
    "detection_log2_count",
    "entropy_bits",
    "estimate_and_compress",
    "example",
    "expected_calibration_error",
    "few_samples_warning",
    "finite_set_entropy_bits",
    "fixed_length",
    "fixed_length_code",
    "from_counts_file",
    "from_file",
    "from_predictions",
    "from_prior",
    "huffman",
    "huffman_code",
    "indirect_cross_fitted",
    "indirect_estimate_and_compress",
    "indirect_from_posteriors",
    "joint_from_decisions",
    "linear_rule",
    "load_predictions",
    "load_prior",
    "log_loss_oracle",
    "merged_classes",
    "mixture_curves",
    "modelnet40_test_counts",
    "oracle_curve",
    "oracle_point_at_slope",
    "oracle_rate_bits",
    "prior_from_counts",
    "prior_from_labels",
    "published_points",
    "rate_invariance_curve",
    "refuse_probabilities",
    "sample_and_communicate",
    "samples_per_cell",
    "supervised_entropy_bits",
    "task_model_curve",
    "task_model_point",
    "temperature_of",
    "time_sharing",
    "top_k_oracle",
    "top_k_rate_bits",
    "uniform_curve",
    "uniform_curve_log2",
    "uniform_rate_bits",
    "uniform_rate_bits_log2",
    "upper_error_rate",
    "waterfall",
    "word_entropy",
]
