import pytest

from headrace.errors import ModelFormatError
from headrace.formats.pmml.matrices import read_matrix
from headrace.formats.pmml.registry import find_reducers
from headrace.formats.pmml.xml import Element, parse


def matrix(content: str, attributes: str = "") -> Element:
    document = f"<PMML><Matrix {attributes}>{content}</Matrix></PMML>"
    return parse(document.encode(), find_reducers).child("Matrix")


def rows(*texts: str) -> str:
    return "".join(f'<Array type="real">{text}</Array>' for text in texts)


def cell(row: int, column: int, value: object) -> str:
    return f'<MatCell row="{row}" col="{column}">{value}</MatCell>'


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        (rows("1 2", "3 4", "5 6"), 'nbRows="3" nbCols="2"', [[1, 2], [3, 4], [5, 6]]),
        (rows("1 2"), 'kind="diagonal" offDiagDefault="9"', [[1, 9], [9, 2]]),
        (rows("1", "2 3"), 'kind="symmetric"', [[1, 2], [2, 3]]),
        (rows("1 2", "2 3"), 'kind="symmetric"', [[1, 2], [2, 3]]),
        (cell(1, 2, 5), 'nbRows="2" nbCols="2" diagDefault="1"', [[1, 5], [0, 1]]),
        (cell(2, 1, 5), 'nbRows="2" nbCols="2" kind="symmetric" offDiagDefault="7"', [[0, 5], [5, 0]]),
    ],
)
def test_every_kind_is_read(content: str, attributes: str, expected: list[list[float]]) -> None:
    assert expected == read_matrix(matrix(content, attributes)).tolist()


@pytest.mark.parametrize(
    ("content", "attributes", "problem"),
    [
        (rows("1 2", "3"), "", "its rows have different lengths: 1, 2"),
        (rows("1 2"), 'nbRows="2"', "nbRows='2', but the arrays give 1"),
        (rows("1", "2"), 'kind="diagonal"', "a diagonal matrix is one array, not 2"),
        ("", 'nbRows="0" nbCols="2"', "0 rows and 2 columns make no matrix"),
        ("", 'nbRows="1e6" nbCols="1e6"', "make no matrix"),
        (cell(3, 1, 5), 'nbRows="2" nbCols="2"', "row=3, col=1 lies outside the matrix"),
        (cell(1, 1, "x"), 'nbRows="2" nbCols="2"', "'x' is not a number"),
        (rows("1"), 'kind="round"', "kind='round' is none of"),
    ],
)
def test_broken_matrices_are_refused(content: str, attributes: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        read_matrix(matrix(content, attributes))
