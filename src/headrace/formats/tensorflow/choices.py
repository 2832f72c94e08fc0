"""What a publication asks of a TensorFlow model beyond what its bytes say: the descriptor's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.errors import DescriptorError


@dataclass(frozen=True, slots=True)
class Choices:
    """Which inputs, outputs, MetaGraph and signature are meant; empty is what there is, or the only one.

    ``argmax`` names an output, a vector, the place of whose largest element becomes the output ``class``.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    argmax: str = ""
    tags: tuple[str, ...] = ()
    signature: str = ""


def read_choices(options: Mapping[str, str], known: tuple[str, ...], name: str) -> Choices:
    """Read options; lists are written with commas. Raises ``DescriptorError`` for one that the format has not."""
    for option in options:
        if option not in known:
            raise DescriptorError(f"the format {name!r} has no option {option!r}; there are: {', '.join(known)}")
    listed = {
        option: tuple(part.strip() for part in options.get(option, "").split(",") if part.strip())
        for option in ("inputs", "outputs", "tags")
    }
    return Choices(**listed, argmax=options.get("argmax", ""), signature=options.get("signature", ""))
