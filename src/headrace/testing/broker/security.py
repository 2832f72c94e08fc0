"""How a broker for tests lets its clients in: TLS, SASL and access control lists.

1. Encryption: a key and a certificate made anew for each broker; clients trust that certificate alone.
2. Users are given with their passwords, and may use every mechanism that was asked for. OAUTHBEARER takes unsigned
   tokens: it shows how a client behaves, and protects nothing.
3. With ``acls`` nobody may do anything that is not allowed by a rule; the broker's own listener may do everything, so
   that tests can make topics and rules.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.testing.broker.artifacts import find_program

_STORE_PASSWORD = "for-tests"  # noqa: S105
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Security:
    """What clients have to bring: encryption, users' passwords by name, mechanisms of SASL, and rights."""

    tls: bool = False
    mechanisms: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    acls: bool = False

    @property
    def protocol(self) -> str:
        """Kafka's name of what the clients' listener speaks."""
        layer = "SSL" if self.tls else "PLAINTEXT"
        return f"SASL_{layer}" if self.mechanisms else layer

    def make_server_settings(self, folder: Path) -> dict[str, str]:
        """Give the server's settings for the listener CLIENT; makes keys in ``folder`` where they are not there."""
        settings: dict[str, str] = {}
        if self.tls:
            store = _make_keys(folder)
            settings |= {
                "ssl.keystore.location": str(store),
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": _STORE_PASSWORD,
            }
        if self.mechanisms:
            settings["sasl.enabled.mechanisms"] = ",".join(self.mechanisms)
        for mechanism in self.mechanisms:
            settings[f"listener.name.client.{mechanism.lower()}.sasl.jaas.config"] = self._jaas(mechanism)
        if self.acls:
            settings |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
            }
        return settings

    def _jaas(self, mechanism: str) -> str:
        match mechanism:
            case "PLAIN":
                users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
                return f"{_MODULES}.plain.PlainLoginModule required {users};"
            case "OAUTHBEARER":
                module = f"{_MODULES}.oauthbearer.OAuthBearerLoginModule"
                return f'{module} required unsecuredLoginStringClaim_sub="broker";'
            case _:
                return f"{_MODULES}.scram.ScramLoginModule required;"

    def format_arguments(self) -> Iterator[str]:
        """Give what the storage is formatted with, so that SCRAM's users are known from the start."""
        for mechanism in self.mechanisms:
            if mechanism.startswith("SCRAM-"):
                for name, password in self.users.items():
                    yield "--add-scram"
                    yield f"{mechanism}=[name={name},password={password}]"

    def client_settings(self, folder: Path) -> dict[str, str]:
        """Give a client's settings, without a user's own (``user_settings``)."""
        if self.protocol == "PLAINTEXT":
            return {}
        settings = {"security.protocol": self.protocol}
        if self.tls:
            settings["ssl.ca.location"] = str(folder / "broker.pem")
        return settings

    def user_settings(self, user: str) -> dict[str, str]:
        """Give a user's settings, for the first mechanism."""
        mechanism = self.mechanisms[0]
        if mechanism == "OAUTHBEARER":
            return {
                "sasl.mechanism": mechanism,
                "enable.sasl.oauthbearer.unsecure.jwt": "true",
                "sasl.oauthbearer.config": f"principal={user}",
            }
        return {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": self.users[user]}


def _make_keys(folder: Path) -> Path:
    """Make a key store, and the certificate that clients trust beside it, by the JDK's own tool."""
    store, certificate = folder / "broker.p12", folder / "broker.pem"
    if certificate.exists():
        return store
    shared = ["-alias", "broker", "-keystore", str(store), "-storepass", _STORE_PASSWORD]
    _run_keytool(
        "-genkeypair", *shared, "-storetype", "PKCS12", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30",
        "-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1", "-ext", "BC=ca:true",
    )  # fmt: skip
    _run_keytool("-exportcert", *shared, "-rfc", "-file", str(certificate))
    return store


def _run_keytool(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603
        [find_program("keytool"), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ConfigurationError(f"keytool cannot make keys for the broker: {(done.stdout + done.stderr).strip()}")
