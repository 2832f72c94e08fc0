"""The parameters are those of the standard's example: an intercept, two factors, their product and two covariates."""

import math
from statistics import NormalDist

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import document, load, schema, score

FIELDS = (
    '<DataField name="sex" optype="categorical" dataType="integer"><Value value="0"/><Value value="1"/></DataField>'
    '<DataField name="minority" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/>'
    "</DataField>"
    '<DataField name="age" optype="continuous" dataType="double"/>'
    '<DataField name="work" optype="continuous" dataType="double"/>'
    '<DataField name="salary" optype="continuous" dataType="double"/>'
    '<DataField name="job" optype="ordinal" dataType="string"><Value value="1"/><Value value="2"/><Value value="3"/>'
    "</DataField>"
    '<DataField name="flag" optype="categorical" dataType="string"><Value value="0"/><Value value="1"/></DataField>'
)
FACTORS = '<FactorList><Predictor name="sex"/><Predictor name="minority"/></FactorList>'
COVARIATES = '<CovariateList><Predictor name="age"/><Predictor name="work"/></CovariateList>'
CELLS = (
    '<PPCell predictorName="sex" parameterName="sex0" value="0"/>'
    '<PPCell predictorName="sex" parameterName="both" value="1"/>'
    '<PPCell predictorName="minority" parameterName="both" value="yes"/>'
    '<PPCell predictorName="age" parameterName="age2" value="2"/>'
    '<PPCell predictorName="work" parameterName="work" value="1"/>'
)
NAMES = ("constant", "sex0", "both", "age2", "work")


def parameters(*names: str, points: dict[str, float] | None = None) -> str:
    found = points or {}
    listed = "".join(f'<Parameter name="{name}" referencePoint="{found.get(name, 0)}"/>' for name in names)
    return f"<ParameterList>{listed}</ParameterList>"


def betas(target: str = "", **values: float) -> str:
    category = f'targetCategory="{target}"' if target else ""
    return "".join(f'<PCell {category} parameterName="{name}" beta="{value}"/>' for name, value in values.items())


def regression(
    attributes: str,
    matrix: str,
    *,
    function: str = "regression",
    target: str = "salary",
    cells: str = CELLS,
    lists: str = FACTORS + COVARIATES,
    names: str = parameters(*NAMES),
    extra: str = "",
    output: str = "",
) -> bytes:
    return document(
        f'<GeneralRegressionModel functionName="{function}" {attributes}>'
        f"{schema('sex', 'minority', 'age', 'work', target=target)}{output}{names}{lists}"
        f"<PPMatrix>{cells}</PPMatrix><PCovMatrix><PCovCell/></PCovMatrix><ParamMatrix>{matrix}</ParamMatrix>{extra}"
        "</GeneralRegressionModel>",
        FIELDS,
    )


def classification(attributes: str, matrix: str, target: str = "job", **options: str) -> bytes:
    labels = ("0", "1") if target == "flag" else ("1", "2", "3")
    output = "".join(f'<OutputField name="p{label}" feature="probability" value="{label}"/>' for label in labels)
    return regression(
        attributes, matrix, function="classification", target=target, output=f"<Output>{output}</Output>", **options
    )


def probabilities(content: bytes, **columns: list[object]) -> list[object]:
    scored = score(content, **columns)
    return [values[0] for name, values in scored.items() if name.startswith("p")]


def constant_only(attributes: str, value: float = 0.5, **options: str) -> bytes:
    return regression(attributes, betas(constant=value), names=parameters("constant"), cells="", lists="", **options)


PERSON: dict[str, list[object]] = {"sex": [1], "minority": ["yes"], "age": [3.0], "work": [4.0]}
LINEAR = betas(constant=1, sex0=10, both=100, age2=2, work=0.5)


@pytest.mark.parametrize("kind", ["regression", "generalLinear"])
def test_a_parameter_is_the_product_of_its_cells(kind: str) -> None:
    scored = score(
        regression(f'modelType="{kind}"', LINEAR),
        sex=[1, 1, 0, 0, None, 1, 1],
        minority=["yes", "no", "yes", None, "no", "no", "yes"],
        age=[3.0, 3.0, 1.0, 1.0, 1.0, None, 0.0],
        work=[4.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    )
    assert [1 + 100 + 18 + 2, 1 + 18 + 2, 1 + 10 + 2, None, None, None, 101.0] == scored["salary"]


def test_predictors_that_no_list_names_are_told_by_their_type() -> None:
    cells = (
        '<PPCell predictorName="minority" parameterName="both" value="yes"/>'
        '<PPCell predictorName="work" parameterName="work" value="1"/>'
    )
    content = regression('modelType="regression"', LINEAR, cells=cells, lists="<FactorList/>")
    assert [1 + 100 + 10 + 2 + 2] == score(content, **PERSON)["salary"]


@pytest.mark.parametrize(
    ("link", "attributes", "expected"),
    [
        ("cauchit", "", 0.5 + math.atan(0.5) / math.pi),
        ("cloglog", "", 1 - math.exp(-math.exp(0.5))),
        ("identity", "", 0.5),
        ("log", "", math.exp(0.5)),
        ("logc", "", 1 - math.exp(0.5)),
        ("logit", "", 1 / (1 + math.exp(-0.5))),
        ("loglog", "", math.exp(-math.exp(-0.5))),
        ("negbin", 'distribution="negbin" distParameter="2"', 1 / (2 * (math.exp(-0.5) - 1))),
        ("oddspower", 'linkParameter="2"', 1 / (1 + (1 + 2 * 0.5) ** (-1 / 2))),
        ("oddspower", 'linkParameter="0"', 1 / (1 + math.exp(-0.5))),
        ("power", 'linkParameter="2"', 0.5**0.5),
        ("power", 'linkParameter="0"', math.exp(0.5)),
        ("probit", "", NormalDist().cdf(0.5)),
    ],
)
def test_a_generalized_linear_number_passes_the_inverse_link(link: str, attributes: str, expected: float) -> None:
    content = constant_only(f'modelType="generalizedLinear" linkFunction="{link}" {attributes}')
    assert [expected] == pytest.approx(score(content, **PERSON)["salary"])


def test_offset_and_trials_are_numbers_or_fields() -> None:
    base = 'modelType="generalizedLinear" linkFunction="log" distribution="poisson" '
    assert [3 * math.exp(2.5)] == pytest.approx(
        score(constant_only(base + 'offsetValue="2" trialsValue="3"'), **PERSON)["salary"]
    )
    content = constant_only(base + 'offsetVariable="age" trialsVariable="work"')
    scored = score(content, age=[3.0, None, 1.0], work=[4.0, 1.0, None])["salary"]
    assert [4 * math.exp(3.5), None, None] == [pytest.approx(scored[0]), *scored[1:]]


def test_the_class_of_a_binary_model_has_the_link_s_probability_and_the_other_the_rest() -> None:
    content = classification(
        'modelType="generalizedLinear" linkFunction="cloglog" distribution="binomial" offsetValue="0.25"',
        betas("1", constant=0.25),
        "flag",
    )
    share = 1 - math.exp(-math.exp(0.5))
    assert [1 - share, share] == pytest.approx(probabilities(content, **PERSON))
    assert ["1"] == score(content, **PERSON)["flag"]


MULTINOMIAL = betas("1", constant=1, work=0.5) + betas("2", constant=-1, both=2)


@pytest.mark.parametrize(
    "attributes",
    [
        'modelType="multinomialLogistic" targetReferenceCategory="3"',
        'modelType="multinomialLogistic"',
        'modelType="generalizedLinear" linkFunction="logit" distribution="multinomial"',
    ],
)
def test_classes_share_by_softmax_with_a_reference_whose_predictor_is_0(attributes: str) -> None:
    total = math.exp(3) + math.exp(1) + 1
    expected = [math.exp(3) / total, math.exp(1) / total, 1 / total]
    assert expected == pytest.approx(probabilities(classification(attributes, MULTINOMIAL), **PERSON))


def test_a_cell_may_count_for_one_category_only() -> None:
    cells = (
        '<PPCell predictorName="age" parameterName="slope" value="1" targetCategory="1"/>'
        '<PPCell predictorName="work" parameterName="slope" value="1" targetCategory="2"/>'
        '<PPCell predictorName="minority" parameterName="slope" value="yes"/>'
    )
    matrix = betas("1", slope=1) + betas("2", slope=0.5)
    content = classification('modelType="multinomialLogistic"', matrix, cells=cells, names=parameters("slope"))
    total = math.exp(3) + math.exp(2) + 1
    assert [math.exp(3) / total, math.exp(2) / total, 1 / total] == pytest.approx(probabilities(content, **PERSON))


@pytest.mark.parametrize(
    ("link", "inverse"),
    [
        ("logit", lambda y: 1 / (1 + math.exp(-y))),
        ("probit", NormalDist().cdf),
        ("cloglog", lambda y: 1 - math.exp(-math.exp(y))),
        ("loglog", lambda y: math.exp(-math.exp(-y))),
        ("cauchit", lambda y: 0.5 + math.atan(y) / math.pi),
    ],
)
def test_an_ordinal_model_s_predictors_are_cumulative(link: str, inverse: object) -> None:
    matrix = betas("2", constant=0.5) + betas("1", constant=-1) + betas(work=0.25)
    content = classification(f'modelType="ordinalMultinomial" cumulativeLink="{link}" offsetVariable="age"', matrix)
    assert callable(inverse)
    first, second = inverse(-1 + 1 - 3), inverse(0.5 + 1 - 3)
    person = PERSON | {"age": [-3.0]}
    content = content.replace(b'parameterName="age2"', b'parameterName="sex0"')
    assert [first, second - first, 1 - second] == pytest.approx(probabilities(content, **person))


def test_a_row_without_a_value_has_no_probabilities() -> None:
    content = classification('modelType="multinomialLogistic"', MULTINOMIAL)
    scored = score(content, sex=[1], minority=["yes"], age=[None], work=[1.0])
    assert {"job": [None], "p1": [None], "p2": [None], "p3": [None]} == scored


CONTRAST = (
    '<FactorList><Predictor name="minority" contrastMatrixType="deviation"><Categories><Category value="yes"/>'
    '<Category value="perhaps"/><Category value="no"/></Categories><Matrix nbRows="3" nbCols="2">'
    '<Array type="int" n="2">1 0</Array><Array type="int" n="2">0 1</Array><Array type="int" n="2">-1 -1</Array>'
    "</Matrix></Predictor></FactorList>"
)
CONTRAST_CELLS = (
    '<PPCell predictorName="minority" parameterName="a" value="yes"/>'
    '<PPCell predictorName="minority" parameterName="b" value="perhaps"/>'
)


def contrast(cells: str = CONTRAST_CELLS, lists: str = CONTRAST) -> bytes:
    content = regression(
        'modelType="generalLinear"', betas(a=2, b=5), cells=cells, lists=lists, names=parameters("a", "b")
    )
    return content.replace(b'<Value value="no"/><Value value="yes"/>', b"")


def test_a_factor_s_categories_are_coded_by_its_contrast_matrix() -> None:
    scored = score(contrast(), minority=["yes", "perhaps", "no", "never", None])
    assert [2.0, 5.0, -7.0, None, None] == scored["salary"]


def test_a_contrast_matrix_without_categories_takes_those_of_the_field() -> None:
    lists = (
        '<FactorList><Predictor name="sex"><Matrix><Array type="real">1</Array><Array type="real">-1</Array></Matrix>'
        "</Predictor></FactorList>"
    )
    cells = '<PPCell predictorName="sex" parameterName="a" value="0"/>'
    assert [7.0, 3.0] == score(contrast(cells, lists), sex=[0, 1])["salary"]


COX = 'modelType="CoxRegression" endTimeVariable="work" statusVariable="flag" startTimeVariable="age" '
TABLE = '<BaselineCell time="1" cumHazard="0.1"/><BaselineCell time="2.5" cumHazard="0.4"/>'


def cox(tables: str, attributes: str = COX, function: str = "regression") -> bytes:
    return regression(
        attributes,
        betas(age=0.5),
        names=parameters("age", points={"age": 2}),
        cells='<PPCell predictorName="age" parameterName="age" value="1"/>',
        lists='<CovariateList><Predictor name="age"/></CovariateList>',
        extra=f'<EventValues><Value value="1"/></EventValues><BaseCumHazardTables>{tables}</BaseCumHazardTables>',
        function=function,
    )


def test_a_cox_regression_gives_the_cumulative_hazard_at_a_time() -> None:
    content = cox(TABLE).replace(b"<BaseCumHazardTables>", b'<BaseCumHazardTables maxTime="4">')
    scored = score(content, age=[4.0] * 8, work=[0.5, 1.0, 2.0, 2.5, 4.0, 4.5, None, 1.0])["salary"]
    risk = math.exp(0.5 * 4 - 0.5 * 2)
    assert [0.0, 0.1 * risk, 0.1 * risk, 0.4 * risk, 0.4 * risk] == pytest.approx(scored[:5])
    assert [None, None] == scored[5:7]
    assert [None] == score(content, age=[None], work=[1.0])["salary"]


def test_a_cox_regression_takes_the_baseline_of_the_stratum() -> None:
    strata = (
        f'<BaselineStratum value="yes" maxTime="3">{TABLE}</BaselineStratum>'
        '<BaselineStratum value="no" maxTime="9"><BaselineCell time="5" cumHazard="2"/></BaselineStratum>'
    )
    content = cox(strata, COX + 'baselineStrataVariable="minority"')
    scored = score(content, age=[2.0] * 5, work=[1.0, 3.5, 6.0, 1.0, 1.0], minority=["yes", "yes", "no", "no", None])
    assert [0.1, None, 2.0, 0.0, None] == scored["salary"]


def test_single_precision_is_kept_where_the_model_asks_for_it() -> None:
    matrix = betas(constant=16777216, work=1)
    person = PERSON | {"work": [1.0]}
    assert [16777217.0] == score(regression('modelType="regression"', matrix), **person)["salary"]
    content = regression('modelType="regression" x-mathContext="float"', matrix)
    assert [16777216.0] == score(content, **person)["salary"]


GLM = 'modelType="generalizedLinear" linkFunction="logit"'
MULTI = 'modelType="multinomialLogistic"'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (regression("", LINEAR), "the attribute 'modelType' is missing"),
        (regression('modelType="magic"', LINEAR), "modelType='magic' is none of"),
        (regression('modelType="generalizedLinear"', LINEAR), "the attribute 'linkFunction' is missing"),
        (regression('modelType="generalizedLinear" linkFunction="sqrt"', LINEAR), "linkFunction='sqrt' is none of"),
        (regression(GLM + ' distribution="zipf"', LINEAR), "distribution='zipf' is none of"),
        (constant_only('modelType="generalizedLinear" linkFunction="power"'), "needs the attribute 'linkParameter'"),
        (constant_only('modelType="generalizedLinear" linkFunction="negbin"'), "needs the attribute 'distParameter'"),
        (regression(GLM + ' offsetVariable="minority"', LINEAR), "holds text; it must be numeric"),
        (regression(MULTI, LINEAR), "is for classification"),
        (regression(GLM, MULTINOMIAL), "a regression has no target categories; it has 2"),
        (regression('modelType="regression"', betas(nothing=1)), "PCell, line 1: there is no parameter 'nothing'"),
        (regression('modelType="regression"', LINEAR, names=parameters("a")), "there is no parameter 'constant'"),
        (regression('modelType="regression"', LINEAR, names=parameters("a", "a")), "'a' is listed twice"),
        (regression('modelType="regression"', LINEAR, names=parameters()), "it has no parameters"),
        (regression('modelType="regression"', LINEAR, lists=FACTORS + FACTORS.replace("Factor", "Covariate")),
         "the predictor 'sex' is listed twice"),
        (regression('modelType="regression"', LINEAR, lists=FACTORS.replace("Factor", "Covariate")),
         "the covariate 'minority' holds text"),
        (regression('modelType="regression"', LINEAR, cells=CELLS.replace('"work" p', '"play" p')),
         "there is no field 'play'"),
        (regression('modelType="regression"', LINEAR, cells=CELLS.replace('value="2"', 'value="a"')),
         "value='a' is not a number"),
        (regression('modelType="regression"', LINEAR, cells=CELLS.replace('value="0"', 'value="a"')),
         "'a' is not a value of the integer field 'sex'"),
        (classification('modelType="regression"', LINEAR), "is for regression"),
        (classification(MULTI, LINEAR), "name target categories"),
        (classification(MULTI, betas("7", constant=1)), "the target has no value '7'"),
        (classification(MULTI, MULTINOMIAL + betas("3", constant=1)), "one is the reference"),
        (classification('modelType="generalizedLinear" linkFunction="probit"', MULTINOMIAL),
         "linkFunction='probit' is for one target category"),
        (classification('modelType="ordinalMultinomial"', MULTINOMIAL), "'cumulativeLink' is missing"),
        (classification('modelType="ordinalMultinomial" cumulativeLink="log"', MULTINOMIAL), "'log' is none of"),
        (classification('modelType="ordinalMultinomial" cumulativeLink="logit"', betas("3", constant=1)),
         "every class but the last one"),
        (contrast(CONTRAST_CELLS.replace("perhaps", "no")), "the contrast matrix has no column for 'no'"),
        (contrast(lists=CONTRAST.replace('<Category value="no"/>', "")), "3 rows for 2 categories"),
        (cox(""), "it holds no BaselineCell"),
        (cox(TABLE, 'modelType="CoxRegression"'), "the attribute 'endTimeVariable' is missing"),
        (cox(TABLE, COX.replace('"work"', '"minority"')), "the time 'minority' holds text"),
        (cox(TABLE, COX + 'baselineStrataVariable="minority"'), "it holds no BaselineStratum"),
        (regression(COX, LINEAR), "it holds no BaseCumHazardTables"),
    ],
)  # fmt: skip
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_a_cox_regression_of_a_class_is_not_supported() -> None:
    with pytest.raises(UnsupportedError, match="as a regression of the cumulative hazard only"):
        load(cox(TABLE, function="classification"))
