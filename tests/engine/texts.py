"""Arbitrary texts for property tests."""

from hypothesis import strategies as st

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MARKS = st.text(st.sampled_from("aZ .!?。！？」』）\"'\n\r\t\u3000\u200b\u2028\x0c猫𠮟😀שไ1)-・Mr"), max_size=300)
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# Characters of each script, and marks, signs, zero-width, right-to-left and beyond the BMP.
MIXED = st.text(
    st.sampled_from("漢字々〆〇ひらおごカナー・ｱＡabcé'’12１ ,.!?。、「_\n\t　😀𠮟\u200d\u0301אبя가€½"), max_size=30
)
