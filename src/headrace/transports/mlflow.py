"""A model registry of MLflow, asked over its REST interface, without MLflow's own packages.

1. Only the tracking server that a person names is asked, over http or https; redirects are not followed, so that what
   the person logs in with goes nowhere else.
2. Artifacts are read through the tracking server (``mlflow-artifacts:``). Where they lie elsewhere, the error says so.
3. An answer is bounded: a description to a MiB, a model to the size that is asked for.

Source: MLflow's REST API 2.0, its registered models, model versions and artifact proxy.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from headrace.errors import ConfigurationError, SourceError, UnsupportedError

SCHEME = "models"
_API = "/api/2.0"
_PROXY = "mlflow-artifacts:"
_ANSWER_BYTES = 2**20
_SECONDS = 30.0
_DEPTH = 4
"""Folders within folders that are looked into."""


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version in the registry: ``artifacts`` is the address of its folder."""

    name: str
    version: str
    description: str
    artifacts: str


class ModelRegistry:
    """A registry at an address. ``token``, or ``user`` and ``password``, log in where the server asks for it.

    Raises ``ConfigurationError`` for an address that is not one of http or https.
    """

    def __init__(self, address: str, *, token: str = "", user: str = "", password: str = "") -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(
                f"the registry {address!r} is not an address: write http://HOST:PORT or https://HOST"
            )
        self.address = address.rstrip("/")
        self._headers = {"accept": "application/json, */*"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        elif user:
            self._headers["authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self._opener = build_opener(_StayingHandler)

    def find(self, reference: str) -> RegisteredModel:
        """Find what ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` means now.

        Raises ``ConfigurationError`` for another reference, and ``SourceError``.
        """
        name, alias, version = _read_reference(reference)
        if alias:
            told = self._ask("/mlflow/registered-models/alias", name=name, alias=alias)
        else:
            told = self._ask("/mlflow/model-versions/get", name=name, version=version)
        found = told.get("model_version")
        if not isinstance(found, dict) or not isinstance(found.get("version"), str):
            raise SourceError(f"{self.address} does not answer as a registry of MLflow does: is it one?")
        where = self._ask("/mlflow/model-versions/get-download-uri", name=name, version=found["version"])
        return RegisteredModel(
            name, found["version"], str(found.get("description", "")), str(where.get("artifact_uri"))
        )

    def list_files(self, model: RegisteredModel) -> list[str]:
        """List the files of a version by their paths in its folder. Raises ``SourceError``."""
        return sorted(self._walk(_folder_of(model), "", 0))

    def read(self, model: RegisteredModel, path: str, most: int) -> bytes:
        """Read a file of a version. Raises ``SourceError``, and ``UnsupportedError`` above ``most`` bytes."""
        content = self._get(f"/mlflow-artifacts/artifacts/{quote(f'{_folder_of(model)}/{path}')}", most)
        if len(content) > most:
            raise UnsupportedError(f"{path!r} of model {model.name!r} is larger than the limit of {most:,} bytes")
        return content

    def _walk(self, folder: str, inside: str, depth: int) -> list[str]:
        told = self._ask("/mlflow-artifacts/artifacts", path=f"{folder}/{inside}".rstrip("/"))
        found: list[str] = []
        for each in told.get("files", []):
            path = f"{inside}/{each.get('path', '')}".removeprefix("/")
            if not each.get("is_dir"):
                found.append(path)
            elif depth < _DEPTH:
                found += self._walk(folder, path, depth + 1)
        return found

    def _ask(self, path: str, /, **query: str) -> dict[str, Any]:
        content = self._get(f"{path}?{urlencode(query)}", _ANSWER_BYTES)
        try:
            told = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self.address} does not answer as a registry of MLflow does: is it one?") from error
        return told if isinstance(told, dict) else {}

    def _get(self, path: str, most: int) -> bytes:
        request = Request(f"{self.address}{_API}{path}", headers=self._headers)  # noqa: S310 http or https: see above
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                content: bytes = response.read(most + 1)
                return content
        except HTTPError as error:
            with error:
                raise SourceError(f"the registry {self.address} refuses: {_explain(error)}") from error
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise SourceError(f"the registry {self.address} cannot be asked: {reason}") from error


class _StayingHandler(HTTPRedirectHandler):
    """Follows nothing: a redirect is an answer like any other that is not the one asked for."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _explain(error: HTTPError) -> str:
    try:
        told = json.loads(error.read(_ANSWER_BYTES))
        return f"{told['message']} ({error.code})"
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}"


def _read_reference(reference: str) -> tuple[str, str, str]:
    """Divide a reference into name, alias and version, of which one of the last two is ""."""
    name, at, alias = reference.removeprefix(f"{SCHEME}:/").partition("@")
    version = ""
    if not at:
        name, _, version = name.rpartition("/")
    if not (reference.startswith(f"{SCHEME}:/") and name.strip("/") == name != "" and (alias or version.isdecimal())):
        raise ConfigurationError(f"{reference!r} names no version: write models:/NAME@ALIAS or models:/NAME/VERSION")
    return name, alias, version


def _folder_of(model: RegisteredModel) -> str:
    if not model.artifacts.startswith(_PROXY):
        raise SourceError(
            f"the files of {model.name!r} version {model.version} lie at {model.artifacts!r}, not behind the registry:"
            " publish them from there, by --location, or from a copy"
        )
    return urlsplit(model.artifacts).path.strip("/")
