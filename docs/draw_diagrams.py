"""Draws docs/diagrams.md from the transition tables, so that pictures cannot drift from code.

`make docs` writes the file; a test compares it with what the tables say.
"""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from firmware_sim.ctl_provider.session import SERVER_TRANSITIONS as PROVIDER
from firmware_sim.ctl_provider.session import ServerState as ProviderState
from secd.boot.enrol import TRANSITIONS as ENROL
from secd.boot.enrol import State as EnrolState
from secd.boot.fetch import TRANSITIONS as FETCH
from secd.boot.fetch import State as FetchState
from secd.boot.query import TRANSITIONS as QUERY
from secd.boot.query import State as QueryState
from secd.boot.table import TRANSITIONS as BOOT
from secd.boot.table import State as BootState
from secd.capf.client_table import CLIENT_TRANSITIONS, ClientState
from secd.capf.server import SERVER_TRANSITIONS, ServerState
from secd.tftp.transitions import TRANSITIONS as TFTP
from secd.tftp.transitions import Action
from secd.tftp.transitions import State as TFTPState

TARGET = Path(__file__).with_name("diagrams.md")

_HEAD = """# State diagrams

Drawn from the transition tables by `make docs`; do not edit. GitHub shows them as pictures.
"""

Edge = tuple[Enum, Enum, Enum]  # from, label, to


def document() -> str:
    """Return the whole file."""
    boot = [(state, o, after) for state, row in BOOT.items() for o, after in row.items()]
    fetch = [(state, o, after) for state, row in FETCH.items() for o, after in row.items()]
    query = [(state, o, after) for state, row in QUERY.items() for o, after in row.items()]
    enrol = [(state, o, after) for state, row in ENROL.items() for o, after in row.items()]
    client = [(s, o, after) for s, row in CLIENT_TRANSITIONS.items() for o, after in row.items()]
    server = [(s, o, after) for s, row in SERVER_TRANSITIONS.items() for o, after in row.items()]
    provider = [(state, o, after) for state, row in PROVIDER.items() for o, after in row.items()]
    tftp = [
        (state, arrival, step.next_state)
        for state, row in TFTP.items()
        for arrival, step in row.items()
        if step.action is not Action.IGNORE
    ]
    sections = (
        ("A boot", "secd/boot/table.py", BootState.OFF, boot),
        ("Fetching one file", "secd/boot/fetch.py", FetchState.LOOK_UP, fetch),
        ("Asking TVS one question", "secd/boot/query.py", QueryState.READY, query),
        ("Turning to CAPF", "secd/boot/enrol.py", EnrolState.READY, enrol),
        ("CAPF, the phone", "secd/capf/client_table.py", ClientState.AWAIT_AUTH_REQ, client),
        ("CAPF, the server", "secd/capf/server.py", ServerState.AWAIT_START, server),
        (
            "CTL Provider (ours)",
            "firmware_sim/ctl_provider/session.py",
            ProviderState.AWAIT_LOGIN,
            provider,
        ),
        ("Receiving by TFTP", "secd/tftp/transitions.py", next(iter(TFTPState)), tftp),
    )
    return _HEAD + "".join(_section(*section) for section in sections)


def _section(title: str, source: str, first: Enum, edges: Iterable[Edge]) -> str:
    merged: dict[tuple[str, str], list[str]] = {}
    for state, label, after in edges:
        merged.setdefault((state.name, after.name), []).append(label.name)
    lines = [f"    [*] --> {first.name}"]
    lines += [f"    {a} --> {b}: {', '.join(labels)}" for (a, b), labels in merged.items()]
    body = "\n".join(lines)
    return f"\n## {title}\n\n`{source}`\n\n```mermaid\nstateDiagram-v2\n{body}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
