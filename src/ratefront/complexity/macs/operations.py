"""What torch itself says of an operation: its name, what it reads and writes, whether it multiplies tensors.

An operation multiplies none where torch marks it as elementwise, where it gives a view, where it is given no tensor, or
where it is of a kind that papers do not count: reductions, normalisation, pooling, gathering, copies.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch

Operation: TypeAlias = Any  # torch._ops.OpOverload, which has no types

_REDUCTIONS = """
    all allclose amax amin aminmax any argmax argmin bincount count_nonzero cummax cummin cumprod cumsum equal histc
    kthvalue linalg_vector_norm logcumsumexp logsumexp max mean median min mode nanmedian nansum norm prod std std_mean
    sum topk trace var var_mean _is_all_true _is_any_true
"""
_NORMALISATIONS = """
    batch_norm_elemt batch_norm_gather_stats_with_counts batch_norm_stats cudnn_batch_norm miopen_batch_norm
    native_batch_norm native_dropout native_group_norm native_layer_norm renorm _batch_norm_no_update
    _batch_norm_with_update _fused_rms_norm _log_softmax _native_batch_norm_legit _native_batch_norm_legit_no_training
    _safe_softmax _softmax _masked_softmax _weight_norm_interface
"""
_ACTIVATIONS = """
    bernoulli exponential fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask glu
    hardswish leaky_relu log_sigmoid_forward rrelu_with_noise threshold
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _prelu_kernel _thnn_fused_gru_cell _thnn_fused_lstm_cell
"""
_POOLING_AND_RESIZING = """
    adaptive_avg_pool2d adaptive_max_pool2d adaptive_max_pool3d avg_pool2d avg_pool3d col2im constant_pad_nd
    fractional_max_pool2d fractional_max_pool3d im2col max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
    max_unpool3d pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_trilinear3d
    _adaptive_avg_pool2d _adaptive_avg_pool3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
"""
_GATHERING_AND_COPYING = """
    argsort block_diag bucketize cat channel_shuffle clone complex copy diag_embed diagonal_scatter embedding
    empty_like fill flip full_like gather index index_add index_copy index_fill index_put index_reduce index_select
    isin lift lift_fresh masked_fill masked_scatter masked_select multinomial narrow_copy new_empty
    new_empty_strided new_full new_ones new_zeros nonzero nonzero_static normal one_hot ones_like put rand_like
    randint_like randn_like random repeat repeat_interleave resize resize_as roll rot90 scatter scatter_add
    scatter_reduce searchsorted select_scatter set slice_scatter sort stack take tril triu unique_consecutive
    unique_dim uniform unsafe_split unsafe_split_with_sizes zero zeros_like _assert_async _assert_tensor_metadata
    _index_put_impl _local_scalar_dense _pack_padded_sequence _pin_memory _reshape_copy _stack _to_copy _unique
    _unique2 _unsafe_index _unsafe_index_put _unsafe_view
"""


def words(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(text.split())


_COPYING = words(_GATHERING_AND_COPYING)
_PRODUCTLESS = words(" ".join((_REDUCTIONS, _NORMALISATIONS, _ACTIVATIONS, _POOLING_AND_RESIZING))) | _COPYING


def plain_name(operation: Operation) -> str:
    """The name without the underscore of an operation that writes in place."""
    name: str = operation.overloadpacket.__name__
    return name.removesuffix("_")


def multiplies_nothing(operation: Operation) -> bool:
    """Whether it is known to hold no products of tensors that papers count."""
    if operation.namespace == "prim":
        return bool(operation.overloadpacket.__name__ == "device")
    if operation.namespace != "aten":
        return False
    if kind(operation) in _PRODUCTLESS or is_elementwise(operation):
        return True
    return any(map(is_view, _forms(operation))) or _takes_no_tensor(operation)


def is_elementwise(operation: Operation) -> bool:
    """Whether torch marks it, or another form of it, so."""
    return any(torch.Tag.pointwise in form.tags for form in _forms(operation))


def is_view(operation: Operation) -> bool:
    """Whether it gives a tensor on its argument's memory and writes no number."""
    returned = [value.alias_info for value in operation._schema.returns]
    given = any(alias is not None and not alias.is_write for alias in returned)
    return given or torch.Tag.inplace_view in operation.tags


def kind(operation: Operation) -> str:
    """Its name, but for what says on which form of tensors it works: a list of them, a copy in place of a view."""
    name = plain_name(operation)
    base = name.removeprefix("_foreach_").removesuffix("_copy")
    return name if name in _PRODUCTLESS or not hasattr(torch.ops.aten, base) else base


def copies(operation: Operation) -> bool:
    """Whether every number that it gives is one that it was given, or a fixed one."""
    return kind(operation) in _COPYING or any(map(is_view, _forms(operation)))


def _forms(operation: Operation) -> list[Operation]:
    plain = getattr(torch.ops.aten, kind(operation), None)
    return [operation, *([getattr(plain, form) for form in plain.overloads()] if plain else [])]


def _takes_no_tensor(operation: Operation) -> bool:
    return not any("Tensor" in str(argument.type) for argument in operation._schema.arguments)
