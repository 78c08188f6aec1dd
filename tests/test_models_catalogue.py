"""The phone models that are shipped, and how they are found."""

import re
from dataclasses import replace

import pytest

from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.models import Generation, Switches, TLSVersion
from secd.words import Transport
from statusmsgs import console_tables, status_table

GENERATIONS = {
    Generation.P0: "7940 7960",
    Generation.P1: "7906 7911 7931 7941 7942 7945 7961 7962 7965 7970 7971 7975",
    Generation.P2: "8941 8945 8961 9951 9971",
    Generation.P3: "7811 7821 7841 7861 8811 8841 8845 8851 8861 8865",
}
NAMES = sorted(name for names in GENERATIONS.values() for name in names.split())


def test_all_models() -> None:
    assert list(model_catalogue().names()) == NAMES


@pytest.mark.parametrize("generation", GENERATIONS)
def test_generations(generation: Generation) -> None:
    for name in GENERATIONS[generation].split():
        model = model_catalogue().find(name)
        assert model.generation is generation
        assert model.security_by_default is (generation is not Generation.P0)
        assert model.switches == Switches()


@pytest.mark.parametrize("name", NAMES)
def test_every_model_prints_and_shows_by_tables_that_exist(name: str) -> None:
    catalogue = model_catalogue()
    for load in catalogue.loads(name):
        model = catalogue.find(name, load.replace("*", "1"))
        console_tables().family(model.console_family)
        status_table().family(model.status_family)


@pytest.mark.parametrize(
    ("name", "load", "console", "status"),
    [
        ("7940", None, "silent", "7940"),
        ("7961", "SCCP41.8-5-2S", "a", "79xx"),
        ("7975", "SCCP75.9-3-1SR4-1S", "a", "79xx"),
        ("7975", "SIP75.9-2-1S", "a", "79xx"),
        ("8945", None, "89xx", "89xx"),
        ("9971", None, "silent", "99xx"),
        ("7821", "sip78xx.12-1-1", "c-12.1", "88xx"),
        ("7821", "sip78xx.10-3-1-12", "c-10.3", "88xx"),
        ("8861", "sip88xx.10-3-1-20", "c-10.3", "88xx"),
        ("8861", "sip88xx.12-5-1SR3-74", "c-12.1", "88xx"),
        ("8861", "sip88xx.14-0-1-0001-135", "c-12.1", "88xx"),
        ("8865", "sip8845_65.12-5-1SR3-74", "c-12.1", "88xx"),
    ],
)
def test_families_go_with_the_load(name: str, load: str | None, console: str, status: str) -> None:
    model = model_catalogue().find(name, load)
    assert load is None or model.load == load
    assert (model.console_family, model.status_family) == (console, status)


def test_values_that_captures_show() -> None:
    old, tnp, new = (model_catalogue().find(name) for name in ("7940", "7961", "7821"))
    for model in (old, tnp):
        assert model.transports == (Transport.TFTP,)
        assert (model.tftp.block_bytes, model.tftp.window_blocks) == (0, 0)
    assert tnp.printed_limit_bytes == 550001
    assert tnp.worker_id == 27
    assert tnp.secure_no_ctl_retries is None
    assert tnp.destinations.configuration.format(name="SEP1.cnf.xml") == "/usr/ram/SEP1.cnf.xml"
    assert tnp.destinations.soft_keys == "/usr/cache/SK89032013"
    assert new.destinations.soft_keys.endswith("/cache/SK-2103396823")
    assert new.destinations.configuration.endswith("/ram/{name}.59075")
    assert new.size_limit_bytes == 2048 * 1024
    assert new.tftp.retransmit_seconds == 0.5
    assert new.transports.index(Transport.HTTP) < new.transports.index(Transport.TFTP)
    assert new.first_task_id == 1850
    assert model_catalogue().find("8861", "sip88xx.10-3-1-20").first_task_id == 870
    assert model_catalogue().find("8945").secure_no_ctl_retries == 4
    assert (old.digests, new.digests) == (frozenset({1}), frozenset({1, 3}))


def test_what_phones_offer_in_tls() -> None:
    tnp, new = (model_catalogue().find(name).tls for name in ("7975", "8861"))
    assert (tnp.lowest, tnp.highest) == (TLSVersion.TLS_1_0, TLSVersion.TLS_1_0)
    assert ":".join(tnp.ciphers) == "AES256-SHA:AES128-SHA"  # as Cisco 200860 prints it
    assert new.highest is TLSVersion.TLS_1_2
    printed = (
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA:AES128-SHA:DES-CBC3-SHA"
    )
    # What an 8861 prints; then what it must offer to servers of files with EC certificates.
    assert ":".join(new.ciphers[:5]) == printed
    assert all("ECDSA" in cipher for cipher in new.ciphers[5:])


@pytest.mark.parametrize(
    "spelling", ["7961", "7961G", "CP-7961", "CP-7961G", "cp-7961g", "7961G-GE", " 7961GE "]
)
def test_spellings_of_one_model(spelling: str) -> None:
    assert model_catalogue().find(spelling) == model_catalogue().find("7961")


@pytest.mark.parametrize("name", ["7999", "", "SEP7961", "79610", "CP-", "7961X", "૭૯૬૧"])
def test_an_unknown_model_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnusableInput, match=r"no model .* is known; known: 7811, 7821"):
        model_catalogue().find(name)


@pytest.mark.parametrize(
    ("name", "load", "known"),
    [
        ("7961", "SCCP41.9-4-2SR3-1S", "SCCP41.9-3-1*"),  # family B
        ("7961", "SCCP75.9-3-1SR4-1S", "SCCP41.8-5-2S"),  # another model's
        ("8861", "sip88xx.11-0-1-11", "sip88xx.10-3-*"),
        ("8861", "", "sip88xx.12-5-*"),
        ("8845", "sip88xx.12-5-1SR3-74", "sip8845_65.12-5-*"),
    ],
)
def test_an_unknown_load_is_refused_with_the_known_ones(name: str, load: str, known: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(known)):
        model_catalogue().find(name, load)


def test_a_found_model_is_a_plain_value() -> None:
    model = model_catalogue().find("7961")
    assert replace(model, switches=replace(model.switches, check_dates=True)) != model
