"""Without pyspark2pmml, which is under the AGPL, the exporter says what to install and under which licence."""

from __future__ import annotations

import sys

import pytest

from headrace.errors import MissingExtraError
from headrace.export import spark_pmml


def test_what_is_missing_is_told_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark2pmml", None)
    for ask in (spark_pmml.find_jars, spark_pmml.open_spark, lambda: spark_pmml.to_pmml(None, None)):
        with pytest.raises(MissingExtraError, match=r"AGPL 3\.0: pip install 'headrace\[spark-agpl\]'"):
            ask()
