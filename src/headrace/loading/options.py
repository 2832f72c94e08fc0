"""What a load may read and use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Settings of a loader. Sizes are bytes, durations seconds.

    ``locations`` are the prefixes that a model's location may have, such as ``file:/srv/models/`` or
    ``s3://bucket/models/``; none are allowed by default. ``formats`` adds formats of your own, name to
    ``module:attribute``; ``format_options`` holds the keyword arguments of a format, by its name. ``exclude`` names
    fields of records that are no features. ``warm_rows`` are the batch sizes that a model is warmed at.
    ``memory_bytes``, ``cpu_seconds`` and ``wall_seconds`` limit one check in a child process, which is replaced after
    ``checks_per_child``. ``niceness`` puts the child's priority below that of serving. ``preload`` names formats
    whose libraries a child loads before its first check; a checker adds those that it meets.
    """

    max_model_bytes: int = 512 * 2**20
    locations: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    format_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    warm_rows: tuple[int, ...] = (1, 1024)
    memory_bytes: int = 4 * 2**30
    cpu_seconds: int = 60
    wall_seconds: float = 60.0
    start_seconds: float = 60.0
    open_files: int = 64
    file_bytes: int = 16 * 2**20
    niceness: int = 10
    checks_per_child: int = 100
    preload: tuple[str, ...] = ()
