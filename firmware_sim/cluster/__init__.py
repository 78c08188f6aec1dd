"""The cluster that a phone boots against: its state, and the files made from it."""

from firmware_sim.cluster.credentials import (
    CertificateMaker,
    Credential,
    ListedCertificate,
    Subject,
    credential_of,
    listed_certificate,
)
from firmware_sim.cluster.files import ClusterFiles, FileSource, NotFound
from firmware_sim.cluster.keys import FreshKeys, KeySource, PooledKeys
from firmware_sim.cluster.lists import CTL_FILE, ITL_FILE, ctl_file, itl_file
from firmware_sim.cluster.making import make_cluster, make_node
from firmware_sim.cluster.resigning import resigned
from firmware_sim.cluster.seed import demo_cluster
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
from firmware_sim.cluster.tokens import (
    ManufacturingCA,
    SoftToken,
    listed_token,
    token_name,
    token_of,
)
from secd.configuration import CAPFMode

__all__ = [
    "CTL_FILE",
    "ITL_FILE",
    "CAPFMode",
    "CTLKind",
    "CertificateMaker",
    "Cluster",
    "ClusterFiles",
    "Credential",
    "Device",
    "FileSource",
    "FreshKeys",
    "KeySource",
    "ListedCertificate",
    "ManufacturingCA",
    "Node",
    "NotFound",
    "PooledKeys",
    "Release",
    "SecurityMode",
    "SoftToken",
    "Subject",
    "TrustStore",
    "TrustedCertificate",
    "credential_of",
    "ctl_file",
    "demo_cluster",
    "itl_file",
    "listed_certificate",
    "listed_token",
    "make_cluster",
    "make_node",
    "resigned",
    "token_name",
    "token_of",
]
