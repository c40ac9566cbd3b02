"""The solver: its certified gap, its warnings, its fast kernels against slow ones."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ratefront.bounds import UnconvergedWarning, blahut_arimoto
from ratefront.bounds.solver.blahut_arimoto import solve_kernel
from ratefront.bounds.solver.block_distortion import BlockKernel, MatrixDistortion
from ratefront.bounds.solver.kernels import SparseGainKernel
from ratefront.errors import InputError

relaxed = settings(deadline=None, max_examples=40)


def plain(source: np.ndarray, distortion: np.ndarray, slope: float, steps: int) -> float:
    """The Lagrangian R + slope * D in nat after the textbook iteration."""
    kernel = np.exp(-slope * distortion)
    q = np.full(distortion.shape[1], 1 / distortion.shape[1])
    for _ in range(steps):
        q = q * ((source / (kernel @ q)) @ kernel)
    return float(-source @ np.log(kernel @ q))


@relaxed
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 8))
def test_agrees_with_the_textbook_iteration(seed: int, n: int, m: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    source, distortion = rng.dirichlet(np.ones(n)), rng.random((n, m))
    result = blahut_arimoto(source, distortion, slope, tolerance_bits=1e-7)
    lagrangian = result.rate_bits * np.log(2) + slope * result.distortion
    reference = plain(source, distortion, slope, 3000)
    assert result.converged
    assert reference - 1e-2 <= lagrangian  # the reference itself may not have arrived
    assert lagrangian <= reference + 1e-7


@relaxed
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 6), st.floats(0.1, 8))
def test_no_channel_beats_the_certified_lower_bound(seed: int, n: int, m: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    source, distortion = rng.dirichlet(np.ones(n)), rng.random((n, m))
    result = blahut_arimoto(source, distortion, slope, tolerance_bits=1e-3)
    bound = (result.rate_bits - result.gap_bits) * np.log(2) + slope * result.distortion
    for channel in rng.dirichlet(np.full(m, 0.3), size=(20, n)):
        output = source @ channel
        rate = np.sum(source[:, None] * channel * np.log(np.maximum(channel, 1e-300) / output))
        assert rate + slope * np.sum(source[:, None] * channel * distortion) >= bound - 1e-9


def test_too_few_iterations_give_a_warning() -> None:
    rng = np.random.default_rng(0)
    with pytest.warns(UnconvergedWarning, match="gap .* bit after"):
        result = blahut_arimoto(rng.dirichlet(np.ones(30)), rng.random((30, 30)), 5.0, max_iterations=1)
    assert not result.converged
    assert result.gap_bits > 1e-5


def test_low_slopes_converge_where_the_plain_iteration_crawls() -> None:
    prior = np.arange(1.0, 21.0) / np.arange(1.0, 21.0).sum()
    critical = np.log(20 / 19)
    result = blahut_arimoto(prior, 1 - np.eye(20), critical * 1.01, tolerance_bits=1e-7)
    assert result.converged
    assert result.iterations < 1000
    assert 0 <= result.rate_bits < 1e-4


def test_infinite_slope_finds_the_cheapest_way_to_the_least_distortion() -> None:
    # the second input may go either way for free: joining it to the first costs no rate for it
    distortion = [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    result = blahut_arimoto([0.5, 0.25, 0.25], distortion, np.inf)
    assert result.distortion == pytest.approx(0.125)
    assert result.rate_bits < 0.75 * 0.9183 + 1e-6  # entropy (2/3, 1/3) of the rest


@relaxed
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8), st.sampled_from([0.3, 4.0, 60.0, np.inf]))
def test_sparse_and_dense_kernels_are_one_operator(seed: int, n: int, m: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    gain = rng.integers(0, 5, (n, m)) / 4 * (rng.random((n, m)) < 0.5)
    gain[:, rng.integers(m)] = 0.8
    dense, fast = (
        BlockKernel(MatrixDistortion(1 - gain), slope),
        SparseGainKernel(sparse.csr_array(gain), slope),
    )
    output, weight = rng.dirichlet(np.ones(m)), rng.random(n)
    np.testing.assert_allclose(fast.floor, dense.floor, atol=1e-15)
    np.testing.assert_allclose(fast.apply(output), dense.apply(output), atol=1e-12)
    np.testing.assert_allclose(fast.apply_transposed(weight), dense.apply_transposed(weight), atol=1e-12)
    np.testing.assert_allclose(fast.apply_excess(output), dense.apply_excess(output), atol=1e-12)
    normaliser, response = fast.normaliser_and_update(np.full(n, 1 / n), output)
    np.testing.assert_allclose(normaliser, dense.apply(output), atol=1e-12)
    np.testing.assert_allclose(response, dense.apply_transposed(1 / (n * normaliser)), rtol=1e-9)


def test_a_warm_start_reaches_the_same_point_sooner() -> None:
    rng = np.random.default_rng(1)
    source, distortion = rng.dirichlet(np.ones(40)), rng.random((40, 40))
    cold = blahut_arimoto(source, distortion, 6.0, tolerance_bits=1e-8)
    warm = blahut_arimoto(source, distortion, 6.0, start=cold.output, tolerance_bits=1e-8)
    assert warm.iterations < cold.iterations
    assert warm.rate_bits == pytest.approx(cold.rate_bits, abs=1e-6)


def test_a_distortion_too_large_for_exp_does_not_overflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = blahut_arimoto([0.5, 0.5], [[1e4, 2e4], [2e4, 1e4]], 1.0)
    assert result.rate_bits == pytest.approx(1.0)
    assert result.distortion == pytest.approx(1e4)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="2 values but the distortion has 3 rows"):
        blahut_arimoto([0.5, 0.5], np.zeros((3, 2)), 1.0)
    with pytest.raises(InputError, match="slope"):
        blahut_arimoto([1.0], [[0.0]], -1.0)
    with pytest.raises(InputError, match="finite"):
        blahut_arimoto([1.0], [[np.nan]], 1.0)
    with pytest.raises(InputError, match="starting output"):
        blahut_arimoto([1.0], [[0.0, 1.0]], 1.0, start=[1.0])
    with pytest.raises(InputError, match="every row"):
        solve_kernel([0.5, 0.5], SparseGainKernel(sparse.csr_array(np.array([[1.0], [0.0]])), 1.0))
