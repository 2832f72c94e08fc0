"""Nothing that serves needs pandas, though some functions of Arrow do: models of every format score without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCORE = """
import sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
sys.meta_path.insert(0, Barred())
import headrace
from headrace.loading.checking import make_example
model = headrace.load(sys.argv[1])
scores = model.score(make_example(model.signature))
print(scores.outputs.num_rows, len(scores.errors))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    ["examples/wine/models/forest.pmml", "examples/wine/models/network.onnx", "tests/data/tensorflow/tf2.pb"],
)
def test_a_model_scores_where_pandas_cannot_be_imported(project: Path, model: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCORE, str(project / model)], capture_output=True, text=True, check=False
    )
    assert ("1 0\n", "", 0) == (run.stdout, run.stderr, run.returncode)


def test_no_module_asks_arrow_for_what_needs_pandas(project: Path) -> None:
    asking = [str(path) for path in (project / "src").rglob("*.py") if "to_pandas" in path.read_text()]
    assert [] == asking
