import numpy as np
import pyarrow as pa

from headrace.wire.results import tabulate
from tests.wire.results.outcomes import OUTPUTS, results_of


def test_each_result_is_a_row_with_its_provenance() -> None:
    rows = tabulate(results_of()).to_pylist()

    assert rows[0] == {
        "id": "wine/2/10",
        "key": "k",
        "data_type": "wine",
        "slot": "blue",
        "model": "tree",
        "version": "1",
        "digest": "a" * 64,
        "position": 7,
        "scored_at": 1_700_000_000_000,
        "score_ns": 100,
        "source": "wine",
        "partition": 2,
        "offset": 10,
        "outputs.quality": 5,
        "outputs.p(5)": 0.5,
        "outputs.label": "good",
    }
    assert ["wine/2/10", "wine/2/12", "wine/2/15"] == [row["id"] for row in rows]
    assert ["k", None, "\\xff"] == [row["key"] for row in rows]
    assert [7, 7, 9] == [row["position"] for row in rows]
    assert [10, 12, 15] == [row["offset"] for row in rows]
    assert [100, 100, 250] == [row["score_ns"] for row in rows]


def test_records_bring_ids_of_their_own() -> None:
    table = tabulate(results_of(ids=pa.array(["a", "b", None, "d"])))

    assert ["a", "wine/2/12", "d"] == table.column("id").to_pylist()


def test_no_output_collides_with_a_leading_column() -> None:
    outputs = pa.record_batch({"id": [1, 2, 3], "outputs.id": [4, 5, 6]})
    table = tabulate(results_of(outputs, keys=None))

    assert len(set(table.schema.names)) == len(table.schema.names)
    assert [1, 2, 3] == table.column("outputs.id").to_pylist()
    assert [4, 5, 6] == table.column("outputs.outputs.id").to_pylist()


def test_the_columns_do_not_depend_on_the_values() -> None:
    nothing = results_of(OUTPUTS.slice(0, 0), rows=np.zeros(0, np.int64), version_of=np.zeros(0, np.int64),
                         score_ns=np.zeros(0, np.int64))  # fmt: skip

    assert tabulate(results_of()).schema == tabulate(nothing).schema
