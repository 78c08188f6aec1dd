"""The switches of a phone model: every doubt of the decision table, in any position."""

from hypothesis import strategies as st

from secd.models import (
    Absent,
    CAPFByTVS,
    CCMPeer,
    FirstCTLWithITL,
    P0AddressFields,
    Switches,
    TVSFlush,
)

# Every switch of the decision table, each in any position.
switches: st.SearchStrategy[Switches] = st.builds(
    Switches,
    first_ctl_with_itl=st.sampled_from(FirstCTLWithITL),
    first_list_self_check=st.booleans(),
    ctl_signer_in_itl=st.booleans(),
    itl_signer_functions=st.sampled_from([{0, 2}, {0, 2}, {0}, {2}]).map(frozenset),
    identical_shortcut=st.booleans(),
    rollback_needs_no_ctl=st.booleans(),
    empty_itl_functions=st.sampled_from([{1, 2, 3, 21}, {2, 3, 21}, {21}]).map(frozenset),
    zero_length=st.sampled_from(Absent),
    not_found=st.sampled_from(Absent),
    ccm_peer=st.sampled_from(CCMPeer),
    capf_tvs=st.sampled_from(CAPFByTVS),
    tvs_sgn_roles=st.sampled_from([{0, 2, 3}, {2, 3}, {0}, {2}, {3}]).map(frozenset),
    tvs_negative_cache=st.booleans(),
    tvs_flush=st.sampled_from(TVSFlush),
    p0_address_fields=st.sampled_from(P0AddressFields),
    p0_asks_unlisted_server=st.booleans(),
    check_dates=st.booleans(),
    check_timestamp=st.booleans(),
    check_sgn_name=st.booleans(),
)
