"""``headrace publish models:/...``: what is asked of an MLflow registry, and what is published of it.

The answers are those of MLflow 3.17's own server for a model that was logged as ONNX.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from headrace.app.publishing import read_log
from headrace.records import Publish
from headrace.stores.contents import DirectoryContents
from headrace.transports.model_log import contents_of
from tests.cli.conftest import Cli, linear

FOLDER = "0/models/m-2f1f/artifacts"
API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Registry:
    """A registry with one model, the version 3 of ``wine``, which is the champion."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: str = f"mlflow-artifacts:/{FOLDER}"
    asked: list[str] = field(default_factory=list)
    logins: set[str | None] = field(default_factory=set)
    redirect: str = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        self.asked.append(path)
        known = {"name": ["wine"], "alias": ["champion"], "version": ["3"]}
        if path.startswith(f"{API}/") and any(known[name] != value for name, value in query.items()):
            told = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered model alias not found."}
            return 404, json.dumps(told).encode()
        if path in {f"{API}/registered-models/alias", f"{API}/model-versions/get"}:
            found = {"name": "wine", "version": "3", "description": "a line", "source": "models:/m-2f1f"}
            return 200, json.dumps({"model_version": found}).encode()
        if path == f"{API}/model-versions/get-download-uri":
            return 200, json.dumps({"artifact_uri": self.artifacts}).encode()
        if path == PROXY:
            return 200, json.dumps({"files": self.list_files(query["path"][0])}).encode()
        content = self.files.get(path.removeprefix(f"{PROXY}/{FOLDER}/"))
        return (404, b'{"message": "No such artifact"}') if content is None else (200, content)

    def list_files(self, folder: str) -> list[dict[str, object]]:
        inside = f"{folder}/".removeprefix(f"{FOLDER}/")
        below = [name.removeprefix(inside) for name in self.files if name.startswith(inside)]
        return [{"path": each, "is_dir": "/" in name} for name in below if (each := name.partition("/")[0])]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    found = Registry(files={"MLmodel": b"flavors:", "data/wine.pmml": linear().encode(), "conda.yaml": b""})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.logins.add(self.headers.get("authorization"))
            parts = urlsplit(self.path)
            status, body = (302, b"") if found.redirect else found.answer(parts.path, parse_qs(parts.query))
            self.send_response(status)
            if found.redirect:
                self.send_header("location", found.redirect)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", found.url)
        for name in ("TOKEN", "USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("reference", ["models:/wine@champion", "models:/wine/3"])
def test_a_version_is_published_with_its_bytes(cli: Cli, registry: Registry, tmp_path: Path, reference: str) -> None:
    log = tmp_path / "models"
    result = cli("publish", reference, "--log", log, "--data-type", "wine")
    assert 0 == result.exit_code, result.output
    (message,) = read_log(log)
    assert isinstance(message.command, Publish)
    sent = message.command.descriptor
    assert ("wine", "3", "a line") == (sent.name, sent.version, sent.description)
    assert linear().encode() == DirectoryContents(contents_of(log)).get(sent.digest)
    assert {None} == registry.logins


def test_what_a_person_says_goes_first(cli: Cli, registry: Registry, tmp_path: Path) -> None:
    registry.files["other.pmml"] = linear(7).encode()
    result = cli("publish", "models:/wine@champion", "--artifact", "other.pmml", "--log", tmp_path / "models",
                 "--data-type", "wine", "--name", "line", "--version", "1a", "--description", "mine")  # fmt: skip
    assert 0 == result.exit_code, result.output
    (message,) = read_log(tmp_path / "models")
    assert isinstance(message.command, Publish)
    sent = message.command.descriptor
    assert ("line", "1a", "mine") == (sent.name, sent.version, sent.description)
    assert linear(7).encode() == DirectoryContents(contents_of(tmp_path / "models")).get(sent.digest)


def test_it_logs_in_by_the_variables_and_follows_nobody(
    cli: Cli, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    registry.redirect = f"{registry.url}/elsewhere"
    result = cli("publish", "models:/wine@champion", "--log", tmp_path / "models", "--data-type", "wine")
    assert 3 == result.exit_code
    assert "refuses: 302" in result.output
    assert "secret" not in result.output
    assert ({"Basic c29tZWJvZHk6c2VjcmV0"}, []) == (registry.logins, registry.asked)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    cli("publish", "models:/wine@champion", "--log", tmp_path / "models", "--data-type", "wine")
    assert "Bearer abc" in registry.logins


def test_what_is_in_the_way_is_told(cli: Cli, registry: Registry, tmp_path: Path) -> None:
    def refuse(*arguments: str, code: int = 3) -> str:
        result = cli("publish", *arguments, "--log", tmp_path / "models", "--data-type", "wine")
        assert code == result.exit_code, result.output
        assert not (tmp_path / "models").exists()
        return result.output

    assert "Registered model alias not found. (404)" in refuse("models:/wine@gone")
    for reference in ("models:/wine", "models:/@x", "models:/wine@", "models:/wine/Production", "models:wine/3"):
        assert "models:" in refuse(reference, code=3 if reference == "models:wine/3" else 2)
    assert "No such artifact" in refuse("models:/wine@champion", "--artifact", "gone.onnx")
    registry.files["second.onnx"] = b"x"
    assert "several models: name one by --artifact; there are: data/wine.pmml, second.onnx" in refuse("models:/wine/3")
    registry.files = {"model.pkl": b"x"}
    assert "holds no file that ends in .onnx" in refuse("models:/wine/3")
    registry.artifacts = "s3://bucket/m"
    assert "lie at 's3://bucket/m', not behind the registry" in refuse("models:/wine/3")
    assert "--artifact is for models of a registry" in refuse("x.pmml", "--artifact", "y", code=2)


def test_no_registry_is_asked_that_nobody_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    asked = ("publish", "models:/wine@champion", "--log", tmp_path / "models", "--data-type", "wine")
    assert "set MLFLOW_TRACKING_URI" in cli(*asked).output
    for address in ("file:/tmp", "sqlite:///x.db", "databricks"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert "is not an address: write http://HOST:PORT" in cli(*asked).output
