"""``headrace score``: a CSV file through one model."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.cli.conftest import Cli, linear


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An ONNX model of one tensor input: the sum of two numbers, and whether the first is positive."""
    takes = [helper.make_tensor_value_info("v", TensorProto.DOUBLE, [None, 2])]
    gives = [
        helper.make_tensor_value_info("total", TensorProto.DOUBLE, [None, 1]),
        helper.make_tensor_value_info("sign", TensorProto.BOOL, [None, 1]),
    ]
    weights = helper.make_tensor("w", TensorProto.DOUBLE, [2, 1], np.array([1.0, 1.0]).tobytes(), raw=True)
    zero = helper.make_tensor("z", TensorProto.DOUBLE, [1], np.array([0.0]).tobytes(), raw=True)
    nodes = [
        helper.make_node("MatMul", ["v", "w"], ["total"]),
        helper.make_node("Greater", ["total", "z"], ["sign"]),
    ]
    graph = helper.make_graph(nodes, "sum", takes, gives, [weights, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file = tmp_path / "sum.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def test_one_row_for_each_row(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("id,x\na,1\nb,2.5\nc,0.1\n")
    result = cli("score", model, table)
    assert (0, "y\n3.0\n6.0\n1.2\n") == (result.exit_code, result.stdout)


def test_output_file_is_whole_or_absent(cli: Cli, model: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("x\n1\n")
    result = cli("score", model, table, "-o", out)
    assert (0, "", "") == (result.exit_code, result.stdout, result.stderr)
    assert "y\n3.0\n" == out.read_text()
    table.write_text("x,z\n1,2\n1\n")
    assert 3 == cli("score", model, table, "-o", out).exit_code
    assert "y\n3.0\n" == out.read_text()
    assert ["in.csv", "linear.pmml", "out.csv"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(cli: Cli, model: Path, tmp_path: Path, delimiter: str) -> None:
    table = tmp_path / "in.csv"
    table.write_text(f"a{delimiter}x{delimiter}b\n1{delimiter}2{delimiter}3\n")
    assert "y\n5.0\n" == cli("score", model, table).stdout


def test_delimiter_under_which_the_inputs_are_known_wins(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a,b,c;x\n1;2\n")
    assert "y\n5.0\n" == cli("score", model, table).stdout


@pytest.mark.parametrize(("given", "text"), [("tab", "x\ty,z\n2\t3\n"), ("#", "x#y,z\n2#3\n")])
def test_delimiter_may_be_given(cli: Cli, model: Path, tmp_path: Path, given: str, text: str) -> None:
    table = tmp_path / "in.csv"
    table.write_text(text)
    assert "y\n5.0\n" == cli("score", model, table, "--delimiter", given).stdout


def test_empty_and_na_cells_are_missing(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text('x,z\n,1\nNA,1\nN/A,1\n"",1\n"NA",1\n1,1\n')
    assert [["y"], [""], [""], [""], [""], [""], ["3.0"]] == cells(cli("score", model, table).stdout)


def test_empty_line_of_one_column_is_a_missing_value(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("x\n1\n\n2\n")
    assert [["y"], ["3.0"], [""], ["5.0"]] == cells(cli("score", model, table).stdout)


def test_failed_row_is_empty_and_told(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("x\n1\nmuch\n2\nmuch\n")
    result = cli("score", model, table)
    assert 0 == result.exit_code
    assert [["y"], ["3.0"], [""], ["5.0"], [""]] == cells(result.stdout)
    assert f"headrace: 2 of 4 rows of {table} could not be scored\n" in result.stderr
    assert "  row 2 and 1 more: " in result.stderr
    assert 3 == cli("score", model, table, "--strict").exit_code


def test_summary_as_json(cli: Cli, model: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("x\n1\nmuch\n")
    told = json.loads(cli("score", model, table, "-o", out, "--json").stdout)
    reasons = told.pop("reasons")
    assert {"format": "pmml", "rows": 2, "failed": 1, "absent_inputs": [], "output": str(out)} == told
    assert [1] == [each["rows"] for each in reasons]
    assert 2 == cli("score", model, table, "--json").exit_code


def test_standard_input(model: Path) -> None:
    headrace = Path(sys.executable).parent / "headrace"
    done = subprocess.run([headrace, "score", model, "-"], input=b"x\n1\n2\n", capture_output=True, check=True)
    assert b"y\n3.0\n5.0\n" == done.stdout


def test_column_that_is_there_twice(cli: Cli, model: Path, network: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("x,z,z,x,x\n1,2,3,4,5\n")
    result = cli("score", model, table)
    assert (3, "headrace: the column 'x' is there 3 times: give each column a name of its own\n") == (
        result.exit_code,
        result.stderr,
    )
    assert "the column 'z' is there twice" in cli("score", model, table, "--map", "x=z").stderr
    table.write_text("z,x,z\n1,2,3\n")
    assert "y\n5.0\n" == cli("score", model, table).stdout
    assert "the column 'z' is there twice" in cli("score", network, table).stderr


def test_errors_speak_of_what_was_typed(cli: Cli, model: Path, tmp_path: Path) -> None:
    table, broken = tmp_path / "in.csv", tmp_path / "broken.pmml"
    table.write_text("x\n1\n")
    broken.write_text("<PMML")
    for arguments, code, message in (
        ((model, table, "--format", "tensor"), 2, "--format: there is no format 'tensor'; there are: onnx, pmml"),
        ((broken, table), 1, f"{broken}: not well-formed XML, line 1: unclosed token"),
        ((broken, table, "--format", "onnx"), 1, f"{broken}: "),
        ((model, table, "--encoding", "hex"), 2, "unknown encoding 'hex'; utf-8, latin-1 and utf-16 are some"),
        ((model, table, "--encoding", "undefined"), 3, f"{table} is not undefined: undefined encoding at byte 0"),
    ):
        result = cli("score", *arguments)
        assert code == result.exit_code
        assert result.stderr.startswith(f"headrace: {message}")


def test_rows_of_several_blocks(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    filler = "f" * 200
    table.write_text("x,filler\n" + "".join(f"{number},{filler}\n" for number in range(30_000)))
    lines = cli("score", model, table).stdout.splitlines()
    assert ["y", *(repr(2.0 * number + 1) for number in range(30_000))] == lines


def test_no_row_is_no_error(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    for text in ("x\n", "x"):
        table.write_text(text)
        result = cli("score", model, table)
        assert (0, "y\n") == (result.exit_code, result.stdout)


def test_absent_input_is_missing_and_told(cli: Cli, tmp_path: Path) -> None:
    text = linear().replace(
        '<DataField name="x" optype="continuous" dataType="double"/>',
        '<DataField name="x" optype="continuous" dataType="double"/>'
        '<DataField name="u" optype="continuous" dataType="double"/>',
    )
    text = text.replace('<MiningField name="x"/>', '<MiningField name="x"/><MiningField name="u"/>')
    model, table = tmp_path / "m.pmml", tmp_path / "in.csv"
    model.write_text(text)
    table.write_text("x\n1\n")
    result = cli("score", model, table)
    assert (0, "y\n3.0\n") == (result.exit_code, result.stdout)
    assert "headrace: no column for u: missing in every row\n" == result.stderr


def test_table_that_feeds_nothing_is_refused(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a,b\n1,2\n")
    result = cli("score", model, table)
    assert 3 == result.exit_code
    assert "headrace: no column feeds the model, which takes 'x'; there are: ['a', 'b']\n" == result.stderr


def test_input_may_be_mapped(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a,b\n1,2\n")
    assert "y\n5.0\n" == cli("score", model, table, "--map", "x=b").stdout
    result = cli("score", model, table, "--map", "x=c")
    assert 1 == result.exit_code
    assert "ties the input 'x' to 'c'; the record has 'a', 'b'" in result.stderr


def test_tensor_takes_columns_in_their_order(cli: Cli, network: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("name,a,b\nu,1,2\nv,0.5,-3\nw,x,1\n")
    result = cli("score", network, table)
    assert [["total", "sign"], ["3.0", "true"], ["-2.5", "false"], ["", ""]] == cells(result.stdout)
    assert "row 3: the column 'a' is 'x', which is no double" in result.stderr


def test_tensor_of_other_size_says_how_to_choose(cli: Cli, network: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a,b,c\n1,2,3\n")
    result = cli("score", network, table)
    assert 1 == result.exit_code
    assert "the model's input 'v' takes 2 values and the record has 3 numeric fields: 'a', 'b', 'c'" in result.stderr
    assert "--map INPUT=COLUMN,COLUMN" in result.stderr
    assert "total,sign\n5.0,true\n" == cli("score", network, table, "--map", "v=c,b").stdout


def test_verification_that_disagrees_is_told(cli: Cli, tmp_path: Path) -> None:
    verification = (
        '<ModelVerification recordCount="1"><VerificationFields><VerificationField field="x" column="x"/>'
        '<VerificationField field="y" column="y"/></VerificationFields><InlineTable><row><x>1</x><y>99</y></row>'
        "</InlineTable></ModelVerification>"
    )
    model, table = tmp_path / "m.pmml", tmp_path / "in.csv"
    model.write_text(linear().replace("<RegressionTable", verification + "<RegressionTable", 1))
    table.write_text("x\n1\n")
    result = cli("score", model, table)
    assert (0, "y\n3.0\n") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("headrace: the model's own verification disagrees, an engine would refuse it: ")


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        (b"", "is empty: its first line names the columns", 3),
        (b"x,y\n1\n", "Expected 2 columns, got 1", 3),
        (
            b"x\n\xe4\n",
            "is not utf-8: invalid continuation byte at byte 2; name its encoding, such as --encoding latin-1",
            3,
        ),
    ],
)
def test_tables_that_cannot_be_read(
    cli: Cli, model: Path, tmp_path: Path, content: bytes, message: str, code: int
) -> None:
    table = tmp_path / "in.csv"
    table.write_bytes(content)
    result = cli("score", model, table)
    assert code == result.exit_code
    assert message in result.stderr
    assert str(table) in result.stderr


def test_other_encoding(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_bytes("größe,x\ngroß,1\n".encode("latin-1"))
    assert "y\n3.0\n" == cli("score", model, table, "--encoding", "latin-1").stdout
    result = cli("score", model, table, "--encoding", "latin-0")
    assert (2, "headrace: unknown encoding 'latin-0'; utf-8, latin-1 and utf-16 are some\n") == (
        result.exit_code,
        result.stderr,
    )


def test_byte_order_mark_is_no_part_of_a_name(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_bytes(b"\xef\xbb\xbfx,z\n1,2\n")
    assert "y\n3.0\n" == cli("score", model, table).stdout


def test_files_that_are_not_there(cli: Cli, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("x\n1\n")
    for arguments, message in (
        (("nothing.pmml", table), "the model nothing.pmml cannot be read: No such file or directory"),
        ((model, "nothing.csv"), "nothing.csv cannot be read: No such file or directory"),
        ((tmp_path, table), f"{tmp_path} is a directory and no SavedModel, which has a saved_model.pb"),
    ):
        result = cli("score", *arguments)
        assert 3 == result.exit_code
        assert message in result.stderr
    result = cli("score", model, table, "-o", tmp_path / "no" / "out.csv")
    assert 5 == result.exit_code
    assert "out.csv cannot be written: No such file or directory" in result.stderr


def test_model_of_no_format_is_refused(cli: Cli, tmp_path: Path) -> None:
    model, table = tmp_path / "m.bin", tmp_path / "in.csv"
    model.write_bytes(b"nothing known")
    table.write_text("x\n1\n")
    result = cli("score", model, table)
    assert 1 == result.exit_code
    assert "no format recognises the model: tried onnx, pmml" in result.stderr


def pmml(tmp_path: Path, fields: str, model: str) -> Path:
    file = tmp_path / "model.pmml"
    file.write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f"<DataDictionary>{fields}</DataDictionary>{model}</PMML>"
    )
    return file


def test_one_row_for_each_transaction(cli: Cli, tmp_path: Path) -> None:
    model = pmml(
        tmp_path,
        '<DataField name="basket" optype="categorical" dataType="string"/>'
        '<DataField name="item" optype="categorical" dataType="string"/>',
        '<AssociationModel functionName="associationRules"><MiningSchema>'
        '<MiningField name="basket" usageType="group"/><MiningField name="item"/></MiningSchema>'
        '<Output><OutputField name="advice" feature="consequent"/></Output>'
        '<Item id="1" value="bread"/><Item id="2" value="jam"/><Item id="3" value="butter"/>'
        '<Itemset id="1"><ItemRef itemRef="1"/><ItemRef itemRef="2"/></Itemset>'
        '<Itemset id="2"><ItemRef itemRef="3"/></Itemset>'
        '<AssociationRule antecedent="1" consequent="2" support="0.5" confidence="0.9"/></AssociationModel>',
    )
    table = tmp_path / "in.csv"
    table.write_text("Basket,item\n7,bread\n8,jam\n7,jam\n")
    result = cli("score", model, table, "--map", "basket=Basket")
    assert (0, [["prediction", "advice"], ["[butter]", "[butter]"], ["", ""]]) == (
        result.exit_code,
        cells(result.stdout),
    )


def test_one_row_for_each_step_to_the_horizon(cli: Cli, tmp_path: Path) -> None:
    model = pmml(
        tmp_path,
        '<DataField name="y" optype="continuous" dataType="double"/>'
        '<DataField name="h" optype="continuous" dataType="integer"/>',
        '<TimeSeriesModel functionName="timeSeries" bestFit="ExponentialSmoothing"><MiningSchema>'
        '<MiningField name="y" usageType="target"/><MiningField name="h" usageType="supplementary"/></MiningSchema>'
        '<ExponentialSmoothing><Level smoothedValue="10"/><Trend_ExpoSmooth smoothedValue="2"/></ExponentialSmoothing>'
        "</TimeSeriesModel>",
    )
    table = tmp_path / "in.csv"
    table.write_text("h\n3\n1\n")
    assert "y\n12.0\n14.0\n16.0\n12.0\n" == cli("score", model, table).stdout


@pytest.mark.parametrize("model", ["tf1.pb", "tf1.pbtxt", "saved_keras"])
def test_tensorflow_models_are_found_by_looking_and_need_no_mapping(
    cli: Cli, project: Path, tmp_path: Path, model: str
) -> None:
    folder = project / "tests" / "data" / "tensorflow"
    predicted = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))[model.partition(".")[0]]
    wines, expected = predicted.values()
    table = tmp_path / "wines.csv"
    rows = [",".join(map(repr, wine)) for wine in wines]
    table.write_text("\n".join([",".join("abcdefghijk"), *rows]) + "\n")
    result = cli("score", folder / model, table)
    assert result.exit_code == 0
    scored = [json.loads(row[0]) for row in cells(result.stdout)[1:]]
    assert np.allclose(expected, scored, atol=1e-6)


def test_options_say_which_signature_is_meant(cli: Cli, project: Path, tmp_path: Path) -> None:
    model = project / "tests" / "data" / "tensorflow" / "saved_tf2"
    table = tmp_path / "in.csv"
    table.write_text("Colour,size\ngreen,2\npink,3\n", encoding="utf-8")
    result = cli("score", model, table)
    assert "2 signatures: name one in the option signature: price, total" in result.stderr
    assert result.exit_code == 1
    result = cli("score", model, table, "--option", "signature=price", "--option", "outputs=place,price")
    assert "place,price\n1,200.0\n-1,3.0\n" == result.stdout
    result = cli("score", model, table, "--option", "signature")
    assert "'signature' is no option: write NAME=VALUE" in result.stderr
