"""Arbitrary texts for property tests."""

from hypothesis import strategies as st

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MARKS = st.text(st.sampled_from("aZ .!?。！？」』）\"'\n\r\t\u3000\u200b\u2028\x0c猫𠮟😀שไ1)-・Mr"), max_size=300)
