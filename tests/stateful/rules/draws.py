"""What rules draw."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.stateful.stage import ACCOUNTS
from tests.sync.rig import REGIONS

accounts = st.sampled_from(ACCOUNTS)
regions = st.sampled_from(REGIONS)
places = st.sampled_from((*REGIONS, "*", "*"))
chance = st.randoms(use_true_random=True)
"""From a seed that hypothesis draws: its own choices prefer what is small and what comes first."""
