"""What torch itself says of an operation: its name, what it reads and writes, whether it multiplies tensors.

An operation multiplies no tensors where torch marks it as elementwise, where it returns a view, where it takes no
tensor, or where it is of a kind that papers do not count: reductions, normalisation, pooling, gathering, copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

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


def names_in(text: str) -> frozenset[str]:
    """Return the names in a text that blanks divide."""
    return frozenset(text.split())


_COPYING = names_in(_GATHERING_AND_COPYING)
_WITHOUT_PRODUCTS = (
    names_in(" ".join((_REDUCTIONS, _NORMALISATIONS, _ACTIVATIONS, _POOLING_AND_RESIZING))) | _COPYING
)


def plain_name(operation: Operation) -> str:
    """Return the operation's name; without the underscore at its end where it writes in place."""
    name: str = operation.overloadpacket.__name__
    return name.removesuffix("_")


def multiplies_nothing(operation: Operation) -> bool:
    """Tell whether the operation is known to hold no products of tensors that papers count."""
    if operation.namespace == "prim":
        return bool(operation.overloadpacket.__name__ == "device")
    if operation.namespace != "aten":
        return False
    if kind(operation) in _WITHOUT_PRODUCTS or is_elementwise(operation):
        return True
    return any(map(is_view, _overloads(operation))) or _takes_no_tensor(operation)


def is_elementwise(operation: Operation) -> bool:
    """Tell whether torch marks the operation, or another overload of it, as elementwise."""
    return any(torch.Tag.pointwise in overload.tags for overload in _overloads(operation))


def is_view(operation: Operation) -> bool:
    """Tell whether the operation returns a tensor on its argument's memory and writes no number."""
    returned = [value.alias_info for value in operation._schema.returns]
    is_alias = any(alias is not None and not alias.is_write for alias in returned)
    return is_alias or torch.Tag.inplace_view in operation.tags


def kind(operation: Operation) -> str:
    """Return the operation's name without what says that it takes a list of tensors, or copies instead of a view."""
    name = plain_name(operation)
    base = name.removeprefix("_foreach_").removesuffix("_copy")
    return name if name in _WITHOUT_PRODUCTS or not hasattr(torch.ops.aten, base) else base


def copies(operation: Operation) -> bool:
    """Tell whether every number of the result is a number of an argument, or a fixed one."""
    return kind(operation) in _COPYING or any(map(is_view, _overloads(operation)))


def _overloads(operation: Operation) -> list[Operation]:
    plain = getattr(torch.ops.aten, kind(operation), None)
    return [operation, *([getattr(plain, name) for name in plain.overloads()] if plain else [])]


def _takes_no_tensor(operation: Operation) -> bool:
    return not any("Tensor" in str(argument.type) for argument in operation._schema.arguments)


def dense_tensors(values: object) -> list[Tensor]:
    """Return all dense tensors in nested lists and mappings."""
    leaves: Iterable[object] = tree_leaves(values)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.layout == torch.strided]


def tensor_storage(tensor: Tensor) -> Any:
    """Return the memory that a tensor is a view of."""
    with torch._C.DisableTorchFunction():
        return tensor.untyped_storage()


def arguments_read(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the arguments that are read; an elementwise operation reads also what it writes in place."""
    in_place = is_elementwise(operation)
    passed = by_schema_argument(operation, args, kwargs)
    return [
        value for argument, value in passed if not _is_written(argument) or (in_place and not argument.is_out)
    ]


def arguments_written(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the arguments that are written: in place, or as ``out``."""
    return [value for argument, value in by_schema_argument(operation, args, kwargs) if _is_written(argument)]


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


def by_schema_argument(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[Any, Any]]:
    """Return each argument of the operation's schema that was passed, with its value."""
    arguments = operation._schema.arguments
    named = [(argument, kwargs[argument.name]) for argument in arguments if argument.name in kwargs]
    return [*zip(arguments, args, strict=False), *named]
