import pyarrow as pa
import pytest

from headrace.abc.model import Shaping
from headrace.errors import ModelFormatError
from tests.formats.pmml.building import document, load, score

ITEMS = ("Cracker", "Water", "Coke", "Nachos", "Pear", "Banana")
SETS = ((1,), (2,), (3,), (4,), (1, 2), (5, 6))
# antecedent, consequent, support, confidence, lift
RULES = (
    (1, 2, 0.6, 0.75, 0.9),
    (2, 1, 0.6, 0.8, 1.2),
    (1, 3, 0.4, 0.5, 1.1),
    (5, 4, 0.2, 0.9, 2.0),
    (2, 6, 0.2, 0.9, 3.0),
)
GROUP = '<DataField name="basket" optype="categorical" dataType="string"/>'
ITEM = '<DataField name="item" optype="categorical" dataType="string"/>'
BY_BASKET = '<MiningField name="basket" usageType="group"/><MiningField name="item"/>'


def asked(name: str, feature: str = "ruleId", **attributes: object) -> str:
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<OutputField name="{name}" feature="ruleValue" ruleFeature="{feature}"{given}/>'


def rules(attributes: str = "") -> str:
    return "".join(
        f'<AssociationRule antecedent="{left}" consequent="{right}" support="{support}" confidence="{confidence}"'
        f' lift="{lift}"{attributes}/>'
        for left, right, support, confidence, lift in RULES
    )


def association(
    output: str = "", items: str = "", fields: str = GROUP + ITEM, mining: str = BY_BASKET, rule: str = rules()
) -> bytes:
    listed = items or "".join(f'<Item id="{number}" value="{name}"/>' for number, name in enumerate(ITEMS, start=1))
    sets = "".join(
        f'<Itemset id="{number}" numberOfItems="{len(members)}">'
        + "".join(f'<ItemRef itemRef="{member}"/>' for member in members)
        + "</Itemset>"
        for number, members in enumerate(SETS, start=1)
    )
    return document(
        f'<AssociationModel functionName="associationRules"><MiningSchema>{mining}</MiningSchema>'
        f"<Output>{output}</Output>{listed}{sets}{rule}</AssociationModel>",
        fields,
    )


BASKETS = [["Cracker", "Coke"], ["Water", "Cracker"], ["Water", "Coke"], ["Cracker", "Water", "Banana", "Apple"], []]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("recommendation", ["[1, 3]", "[4, 5, 2, 1, 3]", "[5, 2]", "[4, 5, 2, 1, 3]", "[]"]),
        ("exclusiveRecommendation", ["[1]", "[4, 5, 3]", "[5, 2]", "[4, 5, 3]", "[]"]),
        ("ruleAssociation", ["[3]", "[2, 1]", "[]", "[2, 1]", "[]"]),
    ],
)
def test_each_algorithm_lists_its_rules_by_confidence(algorithm: str, expected: list[str]) -> None:
    output = asked("ids", algorithm=algorithm, rank=0, isMultiValued=1)
    assert expected == score(association(output), item=BASKETS)["ids"]


@pytest.mark.parametrize(
    ("basis", "order", "first"),
    [
        ("support", "descending", "3"),
        ("lift", "descending", "5"),
        ("lift", "ascending", "3"),
        ("confidence", "ascending", "3"),
    ],
)
def test_rules_are_ranked_by_a_measure(basis: str, order: str, first: str) -> None:
    output = asked("id", rankBasis=basis, rankOrder=order, algorithm="exclusiveRecommendation")
    assert [first] == score(association(output), item=[["Cracker", "Water"]])["id"]


def test_every_part_of_a_rule_may_be_asked_for() -> None:
    names = ("antecedent", "consequent", "rule", "ruleId", "support", "confidence", "lift", "leverage", "affinity")
    output = "".join(asked(name, name) for name in names)
    expected = {
        "antecedent": ["[Cracker, Water]"],
        "consequent": ["[Nachos]"],
        "rule": ["{Cracker, Water}->{Nachos}"],
        "ruleId": ["4"],
        "support": [0.2],
        "confidence": [0.9],
        "lift": [2.0],
        "leverage": [0.01],
        "affinity": [0.7],
        "prediction": ["[Nachos]"],
    }
    content = association(output, rule=rules(' leverage="0.01" affinity="0.7"'))
    assert expected == score(content, item=[["Cracker", "Water"]])


def test_the_parts_are_features_of_their_own_as_well() -> None:
    output = '<OutputField name="c" feature="consequent" rank="2"/><OutputField name="l" feature="lift"/>'
    outputs = score(association(output), item=[["Cracker", "Water"], ["Coke"]])
    assert (["[Pear, Banana]", None], [2.0, None]) == (outputs["c"], outputs["l"])


def test_a_list_ends_at_its_rank() -> None:
    output = asked("ids", rank=2, isMultiValued=1) + asked("lifts", "lift", rank=2, isMultiValued="true")
    outputs = score(association(output), item=[["Cracker", "Water"]])
    assert (["[4, 5]"], ["[2.0, 3.0]"]) == (outputs["ids"], outputs["lifts"])


def test_a_rule_may_have_an_id() -> None:
    content = association(
        asked("id"), rule='<AssociationRule id="R" antecedent="1" consequent="2" support="1" confidence="1"/>'
    )
    assert ["R"] == score(content, item=[["Cracker"]])["id"]


def test_a_single_text_is_one_item_and_a_json_array_several() -> None:
    outputs = score(association(asked("id")), item=["Cracker", '["Cracker", "Water"]', "[Cracker", None])
    assert ["1", "4", None, None] == outputs["id"]


def test_items_may_be_numbers() -> None:
    items = "".join(f'<Item id="{number}" value="{number * 100}"/>' for number in range(1, 7))
    content = association(asked("id"), items, GROUP + ITEM.replace("string", "integer"))
    assert ["4", "1"] == score(content, item=[[100, 200], [100]])["id"]


def test_an_item_may_be_a_field_with_a_category() -> None:
    names = ("drink", "snack")
    fields = "".join(f'<DataField name="{name}" optype="categorical" dataType="string"/>' for name in names)
    mining = "".join(f'<MiningField name="{name}"/>' for name in names)
    items = (
        '<Item id="1" value="c" field="snack" category="Cracker"/><Item id="2" value="Water" field="drink"/>'
        '<Item id="3" value="drink=Coke"/><Item id="4" value="x"/><Item id="5" value="snack"/><Item id="6" value="y"/>'
    )
    output = asked("ids", rank=0, isMultiValued=1, algorithm="recommendation")
    content = association(output, items, fields, mining)
    outputs = score(content, drink=["Water", "Coke", None], snack=["Cracker", "Water", "true"])
    assert ["[4, 5, 2, 1, 3]", "[]", "[]"] == outputs["ids"]


def test_a_field_that_is_true_is_an_item() -> None:
    fields = "".join(f'<DataField name="{name}" optype="categorical" dataType="integer"/>' for name in ITEMS)
    mining = "".join(f'<MiningField name="{name}"/>' for name in ITEMS)
    content = association(asked("id"), "", fields, mining)
    assert ["4", "1"] == score(content, Cracker=[1, 1], Water=[1, 0])["id"]


def test_the_rows_of_a_group_are_one_record() -> None:
    model = load(association())
    assert Shaping(group_by=("basket",)) == model.shaping
    assert {"prediction": "[Water]"} == model.score_one({"item": ["Cracker"]})
    empty = model.score(pa.RecordBatch.from_pydict({"item": pa.array([], pa.list_(pa.string()))}))
    assert 0 == empty.outputs.num_rows


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (association(mining='<MiningField name="basket" usageType="group"/>'), "has no active field"),
        (association(rule='<AssociationRule antecedent="9" consequent="1"/>'), "there is no itemset '9'"),
        (association(items='<Item id="1" value="a"/>'), "there is no item '2'"),
        (association(items='<Item id="1" value="a"/>' * 2), "two items have the id '1'"),
        (association(asked("id", algorithm="guess")), "algorithm='guess' is none of"),
        (association(asked("id", rankBasis="luck")), "rankBasis='luck' is none of"),
        (association(asked("id", "luck")), "ruleFeature='luck' is none of"),
        (association(asked("id", rank=-1)), "ranks count from 1"),
        (association().replace(b'numberOfItems="2"', b'numberOfItems="3"'), "numberOfItems='3', but it holds 2"),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)
