"""Every door by which octets of others come in, each as one function of octets.

A door feeds octets to what stands behind it and asserts what must hold whatever they are: no error
but the announced ones, and laws that can be checked without knowing where the octets come from. It
returns nothing. The functions know nothing of a fuzzer: `fuzz.guided` hands them what libFuzzer
makes, tests/test_fuzz_doors.py what stands in the seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fuzz.doors import certificate_proxy as capf
from fuzz.doors import (
    conversations,
    ctl_provider,
    decisions,
    files,
    phone,
    seeds,
    tokens,
    transfers,
)


@dataclass(frozen=True, slots=True)
class Door:
    """feed -- raises AssertionError, or an error that should not have come out.

    seeds -- inputs to begin with. dictionary -- a file in fuzz/dictionaries.
    limit_bytes -- of an input.
    """

    feed: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    dictionary: str
    limit_bytes: int = 2048


DOORS: Mapping[str, Door] = {
    "signed_file": Door(files.signed_file, seeds.signed_files, "tlv", 10_000),
    "trust_list": Door(files.trust_list, seeds.trust_lists, "tlv", 10_000),
    "firmware": Door(files.firmware, seeds.firmware, "firmware"),
    "certificate": Door(files.certificate, seeds.certificates, "certificate"),
    "configuration": Door(files.configuration, seeds.configurations, "configuration"),
    "decision": Door(decisions.decision, seeds.decisions, "tlv", 10_000),
    "peer": Door(decisions.peer, seeds.peers, "certificate"),
    "tftp_packet": Door(transfers.tftp_packet, seeds.tftp_packets, "tftp", 1100),
    "tftp_transfer": Door(transfers.tftp_transfer, seeds.tftp_transfers, "tftp", 2048),
    "http_response": Door(transfers.http_response, seeds.http_responses, "http", 2048),
    "http_request": Door(transfers.http_request, seeds.http_requests, "http", 1024),
    "tvs_message": Door(conversations.tvs_message, seeds.tvs_messages, "tvs"),
    "tvs_client": Door(conversations.tvs_client, seeds.tvs_messages, "tvs"),
    "tvs_server": Door(conversations.tvs_server, seeds.tvs_messages, "tvs"),
    "capf_message": Door(capf.capf_message, seeds.capf_messages, "capf"),
    "capf_client": Door(capf.capf_client, seeds.capf_of_servers, "capf", 4096),
    "capf_server": Door(capf.capf_server, seeds.capf_of_phones, "capf", 4096),
    "capf_transcript": Door(capf.capf_transcript, seeds.capf_transcripts, "capf", 10_000),
    "ctl_provider": Door(ctl_provider.ctl_provider, ctl_provider.requests, "ctl_provider", 4096),
    "ctl_client": Door(ctl_provider.ctl_client, ctl_provider.answers, "ctl_provider", 4096),
    "flash": Door(phone.flash, seeds.flashes, "state", 4096),
    "token_file": Door(tokens.token_file, seeds.token_files, "token", 4096),
    "mapping": Door(phone.mapping, seeds.mappings, "mapping", 128),
}
