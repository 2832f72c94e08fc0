"""A reduced tree of elements, packed so that it may cross a process boundary.

The plan is nested lists of JSON values, one list an element: tag, line, attributes, text, table, children. All arrays
of one type are laid end to end in one pool; a table's entry names its pool, offset and length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headrace.abc.model import Prepared
from headrace.errors import ModelFormatError
from headrace.formats.pmml.xml import Element

if TYPE_CHECKING:
    import numpy.typing as npt

VERSION = 1


def pack(root: Element) -> Prepared:
    """Turn a tree into a plan and its pools of arrays."""
    packer = _Packer()
    tree = packer.pack(root)
    arrays = {name: np.concatenate(parts) for name, parts in packer.pools.items()}
    return Prepared({"format": "pmml", "version": VERSION, "tree": tree}, arrays)


def unpack(prepared: Prepared) -> Element:
    """Restore the tree. The arrays are views of the pools. Raises ``ModelFormatError``."""
    if prepared.plan.get("format") != "pmml" or prepared.plan.get("version") != VERSION:
        raise ModelFormatError("the prepared model is not one of this version of the PMML format; prepare it again")
    try:
        return _unpack(prepared.plan["tree"], prepared.arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFormatError(f"the prepared model is damaged: {error!r}") from None


class _Packer:
    def __init__(self) -> None:
        self.pools: dict[str, list[npt.NDArray[np.generic]]] = {}
        self._lengths: dict[str, int] = {}

    def pack(self, element: Element) -> list[Any]:
        children = [self.pack(child) for child in element.children]
        return [element.tag, element.line, element.attributes, element.text, self._pack_table(element), children]

    def _pack_table(self, element: Element) -> dict[str, Any] | None:
        if element.table is None:
            return None
        packed: dict[str, Any] = {}
        for name, value in element.table.items():
            packed[name] = {"texts": value} if isinstance(value, list) else self._pool(value)
        return packed

    def _pool(self, array: npt.NDArray[np.generic]) -> list[Any]:
        pool = array.dtype.str
        offset = self._lengths.get(pool, 0)
        self.pools.setdefault(pool, []).append(array.reshape(-1))
        self._lengths[pool] = offset + array.size
        return [pool, offset, list(array.shape)]


def _unpack(packed: Any, arrays: Any) -> Element:
    tag, line, attributes, text, table, children = packed
    element = Element(tag, attributes, line)
    element.text = text
    if table is not None:
        element.table = {name: _unpack_entry(entry, arrays) for name, entry in table.items()}
    element.children = [_unpack(child, arrays) for child in children]
    return element


def _unpack_entry(entry: Any, arrays: Any) -> npt.NDArray[np.generic] | list[str]:
    if isinstance(entry, dict):
        return list(entry["texts"])
    pool, offset, shape = entry
    size = 1
    for length in shape:
        size *= length
    view: npt.NDArray[np.generic] = arrays[pool][offset : offset + size].reshape(shape)
    return view
