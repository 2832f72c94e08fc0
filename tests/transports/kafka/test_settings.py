"""The table [kafka]: names as librdkafka has them, secrets from elsewhere and never shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.transports.kafka.settings import ClientSettings, flatten_settings, read_settings

SERVERS = {"bootstrap.servers": "localhost:9092"}


def read(text: str, directory: Path = Path("/etc/headrace"), **environment: str) -> ClientSettings:
    return read_settings(flatten_settings(tomllib.loads(text), directory), environment)


def test_names_may_be_quoted_or_not() -> None:
    quoted = read('"bootstrap.servers" = "a:1"\n"linger.ms" = 5\n"enable.idempotence" = true')
    unquoted = read('bootstrap.servers = "a:1"\nlinger.ms = 5\nenable.idempotence = true')
    assert {"bootstrap.servers": "a:1", "linger.ms": 5, "enable.idempotence": True} == quoted.values
    assert quoted == unquoted


def test_secrets_come_from_variables_and_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("of-the-key\n")
    settings = read(
        'bootstrap.servers = "a:1"\nsasl.password.env = "PW"\n"ssl.key.password".file = "key"', tmp_path, PW="of-alice"
    )
    assert ("of-alice", "of-the-key") == (settings.values["sasl.password"], settings.values["ssl.key.password"])
    assert {
        "bootstrap.servers": "a:1",
        "sasl.password": "from $PW",
        "ssl.key.password": f"from {tmp_path / 'key'}",
    } == settings.show()
    assert "of-alice" not in repr(settings)
    assert "*** and ***" == settings.redact("of-alice and of-the-key")


def test_a_secret_within_another_is_taken_out_whole() -> None:
    settings = read(
        'bootstrap.servers = "a:1"\nsasl.password.env = "A"\nssl.key.password.env = "B"', A="abc", B="abcdef"
    )
    assert "*** ***" == settings.redact("abcdef abc")


def test_paths_are_relative_to_the_configuration() -> None:
    settings = read('bootstrap.servers = "a:1"\nssl.ca.location = "ca.pem"\nssl.key.location = "/keys/k.pem"')
    assert ("/etc/headrace/ca.pem", "/keys/k.pem") == (
        settings.values["ssl.ca.location"],
        settings.values["ssl.key.location"],
    )
    assert "probe" == read('bootstrap.servers = "a:1"\nssl.ca.location = "probe"').values["ssl.ca.location"]


@pytest.mark.parametrize(
    "name",
    ["sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret",
     "sasl.oauthbearer.assertion.private.key.passphrase"],
)  # fmt: skip
def test_a_secret_does_not_stand_in_the_file(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}\.env.*{name}\.file") as caught:
        read(f'bootstrap.servers = "a:1"\n"{name}" = "hunter2"')
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"bootstrap.servers is not set: name a broker"),
        ('bootstrap.servers = "a:1"\nsasl.password.env = "PW"', r"variable 'PW', which is not set"),
        (
            'bootstrap.servers = "a:1"\nsasl.password.file = "none"',
            r"/etc/headrace/none, which cannot be read: No such",
        ),
        ('bootstrap.servers = ["a:1"]', r"bootstrap.servers is a list, and takes text"),
        ('bootstrap.servers = "a:1"\n"bootstrap.servers" = "b:1"', r"given twice"),
        ('bootstrap.servers = "a:1"\nenable.auto.commit = true', r"not to be set: offsets are committed by the engine"),
        ('bootstrap.servers = "a:1"\nplugin.library.paths = "x.so"', r"code is never loaded by configuration"),
    ],
)
def test_what_cannot_be_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(text)


def test_one_kind_of_client_may_be_told_something_else() -> None:
    settings = read('bootstrap.servers = "a:1"\nclient.id = "both"\n[producer]\nlinger.ms = 5\nclient.id = "writer"')
    assert {"bootstrap.servers": "a:1", "client.id": "both"} == settings.tell() == settings.tell("consumer")
    assert {"bootstrap.servers": "a:1", "client.id": "writer", "linger.ms": 5} == settings.tell("producer")
