"""What happens to a candidate away from the scoring thread: fetched, checked, verified, warmed, or refused."""

from headrace.loading.airlock import ProcessChecker
from headrace.loading.background import BackgroundLoader, InlineChecker, open_loader
from headrace.loading.checking import Checked, Timings, check, choose, find_format
from headrace.loading.fetching import fetch, read_location
from headrace.loading.folders import pack_folder
from headrace.loading.options import LoadOptions

__all__ = [
    "BackgroundLoader",
    "Checked",
    "InlineChecker",
    "LoadOptions",
    "ProcessChecker",
    "Timings",
    "check",
    "choose",
    "fetch",
    "find_format",
    "open_loader",
    "pack_folder",
    "read_location",
]
