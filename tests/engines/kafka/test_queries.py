"""Questions to instances: the book's three endpoints, and one for the whole group."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from headrace.engines.kafka.queries import Desk, Instance, add_up, read_address
from headrace.errors import ConfigurationError
from tests.engines.kafka.rig import Rig, Waiting

pytestmark = pytest.mark.slow


def ask(desk: Desk, path: str, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://{desk.address}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_instances_are_found_and_answer_for_themselves_and_for_all(rig: Rig) -> None:
    rig.publish(2)
    rig.send(range(40))
    first, second = Desk("127.0.0.1", 18888, token="word"), Desk("127.0.0.1", 18888, token="word")
    assert second.instance.port > first.instance.port
    seen, also = Waiting(), Waiting()
    one = rig.engine("one", follow=True, observers=[seen], desk=first)
    with rig.running(one):
        assert seen.wait(40)
        rig.wait_for_results(40)
        with rig.running(rig.engine("two", follow=True, observers=[also], desk=second)):
            sent = 40
            while not also.rows:
                rig.send(range(20))
                sent += 20
                also.wait(1, timeout=1.0)
            rig.wait_for_results(sent)
            status, instances = ask(second, "/state/instances", "word")
            ports = sorted(desk.instance.port for desk in (first, second))
            assert (status, [each["port"] for each in instances]) == (200, ports)
            assert instances == ask(first, "/state/instances/modelStore", "word")[1]
            assert {"host", "port", "storeNames"} == set(instances[0])
            assert (200, []) == ask(first, "/state/instances/other", "word")
            own = ask(first, "/state/modelStore/value", "word")[1]
            assert ("scaling", 0, "wine") == (own["name"], own["position"], own["data_type"])
            assert {"name", "description", "since", "invocations", "duration", "min", "max"} <= set(own)
            whole = ask(second, "/state/modelStore/values?data_type=wine", "word")[1]
            assert 2 == len([each for each in whole["instances"] if "value" in each])
            assert whole["total"]["invocations"] == sum(each["value"]["invocations"] for each in whole["instances"])
            assert 401 == ask(first, "/state/instances")[0]
            assert 404 == ask(first, "/state/other/value", "word")[0]
            assert 404 == ask(first, "/state/modelStore/value?data_type=beer", "word")[0]
            assert 404 == ask(first, "/elsewhere", "word")[0]


def test_an_address_for_others_needs_a_token() -> None:
    with pytest.raises(ConfigurationError, match="needs a token"):
        Desk("0.0.0.0", 0)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("headrace/a/10.0.0.1:8888", Instance("10.0.0.1", 8888)),
        ("headrace/a/[::1]:8888", Instance("::1", 8888)),
        ("headrace/a", None),
        ("rdkafka", None),
        ("headrace/a/host:", None),
    ],
)
def test_addresses_are_read_out_of_names(client: str, expected: Instance | None) -> None:
    assert expected == read_address(client)


def test_what_instances_tell_of_the_newest_model_is_added_up() -> None:
    old = {"position": 1, "invocations": 7, "duration": 1.0, "min": 0.1, "max": 0.2, "since": 5}
    new = {"position": 2, "invocations": 3, "duration": 2.0, "min": 0.3, "max": 0.4, "since": 9}
    later = {**new, "invocations": 0, "duration": 0.0, "min": None, "max": None, "since": 8}
    assert {**new, "since": 8} == add_up([old, new, later])
    assert 0 == add_up([])["invocations"]
