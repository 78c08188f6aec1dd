"""What no source settles about phones, as the model has it: section Switches of decision-table.md.

One field for each switch but `p0_asks_unlisted_server`: what such a server answers counts for
nothing either way.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Doubts:
    """How a phone behaves where nobody knows; the defaults are those of the table.

    imprints -- first_ctl_with_itl: a first CTL is taken on faith although there is an ITL (L2).
    self_check -- first_list_self_check: a first list must be signed by a SAST of its own (L1, L7).
    itl_signs_ctls -- ctl_signer_in_itl: a SAST of the ITL signs new CTLs (L4).
    itl_signers -- itl_signer_functions: whose records sign ITLs (L8, L10, L13).
    knows_same -- identical_shortcut: the installed file come again is not judged (L14).
    rollback_needs_no_ctl -- an empty ITL gives way to any other only where there is no CTL (L13).
    filled_by -- empty_itl_functions: an ITL without certificate in these records is empty.
    empty_erases, missing_erases -- zero_length, not_found: a list goes where none comes (L15, L16).
    tvs_for_files -- tvs_sgn_roles: what TVS must say of a file's signer (C3).
    remembers_no -- tvs_negative_cache: that TVS did not vouch is kept, as long as nothing else is.
    any_list_flushes -- tvs_flush: not only a new CTL makes the phone forget what TVS said.
    by_address, by_name -- p0_address_fields: what of a CTL record names a TFTP server (S1, S2).
    ccm_by_both -- ccm_peer: the ITL names call managers even where there is a CTL (T1).
    capf_by_tvs, listed_capf_by_tvs -- capf_tvs: whether TVS vouches for CAPF servers, where no list
        knows one and where one does (T2).
    dates, times, names -- check_dates, check_timestamp, check_sgn_name (L22).
    """

    imprints: bool = False
    self_check: bool = True
    itl_signs_ctls: bool = True
    itl_signers: frozenset[int] = frozenset({0, 2})
    knows_same: bool = True
    rollback_needs_no_ctl: bool = True
    filled_by: frozenset[int] = frozenset({1, 2, 3, 21})
    empty_erases: bool = False
    missing_erases: bool = False
    tvs_for_files: frozenset[int] = frozenset({0, 2, 3})
    remembers_no: bool = False
    any_list_flushes: bool = True
    by_address: bool = True
    by_name: bool = True
    ccm_by_both: bool = False
    capf_by_tvs: bool = True
    listed_capf_by_tvs: bool = False
    dates: bool = False
    times: bool = False
    names: bool = False


DEFAULTS = Doubts()
