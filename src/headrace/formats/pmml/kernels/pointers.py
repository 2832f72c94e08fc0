"""Addresses as pointers, for kernels that are called many times a millisecond: an array costs more to hand over."""

from __future__ import annotations

from typing import Any

import numba as nb
from numba.core import types
from numba.extending import intrinsic

Floats = list[float]
Integers = list[int]
"""What pointers are like to one who reads types."""


def _make_pointer(type: Any) -> Any:
    """Return what turns an address into a pointer to values of a type."""

    @intrinsic
    def point(typing: Any, address: Any) -> Any:
        del typing

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return type(address), generate

    return point


point_at_floats, point_at_integers, point_at_memory = (
    _make_pointer(type)
    for type in (types.CPointer(nb.f8), types.CPointer(nb.i8), types.voidptr)  # type: ignore[no-untyped-call]
)
