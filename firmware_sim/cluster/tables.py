"""A cluster's state as the tables of a TOML file, and back; keys and certificates stay outside.

    format                 1
    release, digest, ctl   "10.5(2)"; "SHA1", "SHA256" or "SHA512"; "etoken", "ctl_client",
                           "tokenless" or "none"
    mixed_mode, rollback, autoregistration, network_locale, signing_token, changed_at_seconds
    node, one or more      name, address
    token                  name
    trust                  store, certificate (PEM)
    device                 name, model, load, protocol, security_mode, capf_mode,
                           soft_keys, dial_rules, encrypted_configuration,
                           certificate (PEM; empty: not known)

A credential is known by its role, for which the caller has the rest: `callmanager-0` and `tvs-0`
for the first node, `token-0` for the first token, `capf`, `itlrecovery`.
`Cluster.overrides` belong to one run and are not written.
"""

from collections.abc import Callable, Mapping
from random import Random

from cryptography.hazmat.primitives.serialization import Encoding

from firmware_sim.cluster.credentials import Credential
from firmware_sim.cluster.fields import Fields
from firmware_sim.cluster.state import (
    Cluster,
    CTLKind,
    Device,
    Node,
    Release,
    SecurityMode,
    TrustedCertificate,
    TrustStore,
)
from firmware_sim.cluster.tokens import SoftToken
from secd.certs import load_certificate_untrusted
from secd.configuration import CAPFMode
from secd.crypto import Digest
from secd.errors import UnusableInput

FORMAT = 1
NO_CTL = "none"

_CLUSTER_KEYS = frozenset(
    {"format", "release", "digest", "ctl", "mixed_mode", "rollback", "autoregistration"}
    | {"network_locale"}
    | {"signing_token", "changed_at_seconds", "node", "token", "trust", "device"}
)
_NODE_KEYS = frozenset({"name", "address"})
_TOKEN_KEYS = frozenset({"name"})
_TRUST_KEYS = frozenset({"store", "certificate"})
_DEVICE_KEYS = frozenset(
    {"name", "model", "load", "protocol", "security_mode", "capf_mode"}
    | {"encrypted_configuration", "certificate", "soft_keys", "dial_rules"}
)


def credentials_by_role(cluster: Cluster) -> dict[str, Credential]:
    """Return all credentials of a cluster by their roles."""
    roles = {"capf": cluster.capf, "itlrecovery": cluster.itl_recovery}
    for index, node in enumerate(cluster.nodes):
        roles |= {f"callmanager-{index}": node.callmanager, f"tvs-{index}": node.tvs}
    return roles | {
        f"token-{index}": token.credential for index, token in enumerate(cluster.tokens)
    }


def cluster_to_table(cluster: Cluster) -> dict[str, object]:
    """Return what `table_to_cluster` reads."""
    return {
        "format": FORMAT,
        "release": str(cluster.release),
        "digest": cluster.digest.name,
        "ctl": NO_CTL if cluster.ctl is None else cluster.ctl.name.lower(),
        "mixed_mode": cluster.mixed_mode,
        "rollback": cluster.rollback,
        "autoregistration": cluster.autoregistration,
        "network_locale": cluster.network_locale,
        "signing_token": cluster.signing_token,
        "changed_at_seconds": cluster.changed_at_seconds,
        "node": [{"name": node.name, "address": node.address} for node in cluster.nodes],
        "token": [{"name": token.name} for token in cluster.tokens],
        "trust": [
            {"store": one.store.name.lower(), "certificate": _pem(one.certificate)}
            for one in cluster.trusted
        ],
        "device": [_device_to_table(device) for device in cluster.devices.values()],
    }


def table_to_cluster(
    table: Mapping[str, object],
    random: Random,
    credential: Callable[[str], Credential],
    token: Callable[[str, str], SoftToken],
) -> Cluster:
    """Return the cluster.

    credential -- returns that of a role. token -- likewise, of a role and the token's name.
    Raises UnusableInput, which names the key.
    """
    if table.get("format") != FORMAT:
        raise UnusableInput(f"format is {table.get('format')!r}, this version reads {FORMAT} only")
    top = Fields(table, _CLUSTER_KEYS, "")
    nodes = [Fields(one, _NODE_KEYS, f"{at} ") for at, one in top.tables("node")]
    tokens = [Fields(one, _TOKEN_KEYS, f"{at} ") for at, one in top.tables("token")]
    devices = [_device(Fields(one, _DEVICE_KEYS, f"{at} ")) for at, one in top.tables("device")]
    ctl = top.text("ctl")
    cluster = Cluster(
        nodes=[
            Node(
                one.text("name"),
                one.ip_address("address"),
                credential(f"callmanager-{index}"),
                credential(f"tvs-{index}"),
            )
            for index, one in enumerate(nodes)
        ],
        capf=credential("capf"),
        itl_recovery=credential("itlrecovery"),
        release=Release.parse(top.text("release")),
        random=random,
        changed_at_seconds=top.number("changed_at_seconds"),
        tokens=[token(f"token-{index}", one.text("name")) for index, one in enumerate(tokens)],
        signing_token=top.number("signing_token"),
        ctl=None if ctl == NO_CTL else top.member("ctl", CTLKind),
        mixed_mode=top.truth("mixed_mode"),
        digest=top.member("digest", Digest),
        rollback=top.truth("rollback"),
        autoregistration=top.truth("autoregistration"),
        network_locale=top.text("network_locale"),
        trusted=[_trusted(Fields(one, _TRUST_KEYS, f"{at} ")) for at, one in top.tables("trust")],
    )
    for device in devices:
        if device.name in cluster.devices:
            raise UnusableInput(f"device {device.name} stands there twice")
        cluster.add_device(device)
    _check(cluster)
    return cluster


def _check(cluster: Cluster) -> None:
    """What would otherwise end in an IndexError on the first request."""
    if not cluster.nodes:
        raise UnusableInput("a cluster needs at least one [[node]]")
    if cluster.ctl is CTLKind.ETOKEN and not 0 <= cluster.signing_token < len(cluster.tokens):
        raise UnusableInput(
            f"signing_token is {cluster.signing_token}, there are {len(cluster.tokens)} tokens"
        )


def _trusted(fields: Fields) -> TrustedCertificate:
    certificate = fields.certificate("certificate")
    if certificate is None:
        raise UnusableInput("a [[trust]] without certificate")
    return TrustedCertificate(fields.member("store", TrustStore), certificate)


def _device_to_table(device: Device) -> dict[str, object]:
    return {
        "name": device.name,
        "model": device.model,
        "load": device.load,
        "protocol": device.protocol,
        "security_mode": device.security_mode.name.lower(),
        "capf_mode": device.capf_mode.name.lower(),
        "soft_keys": device.soft_keys,
        "dial_rules": device.dial_rules,
        "encrypted_configuration": device.encrypted_configuration,
        "certificate": "" if device.certificate is None else _pem(device.certificate),
    }


def _device(fields: Fields) -> Device:
    return Device(
        name=fields.text("name"),
        model=fields.text("model"),
        load=fields.text("load"),
        protocol=fields.text("protocol"),
        security_mode=fields.member("security_mode", SecurityMode),
        capf_mode=fields.member("capf_mode", CAPFMode),
        soft_keys=fields.text("soft_keys"),
        dial_rules=fields.text("dial_rules"),
        encrypted_configuration=fields.truth("encrypted_configuration"),
        certificate=fields.certificate("certificate"),
    )


def _pem(der: bytes) -> str:
    return load_certificate_untrusted(der).public_bytes(Encoding.PEM).decode("ascii")
