"""Masking and escaping."""

import unicodedata

import pytest
from ccsync.views.mask import cut, mask_addresses, mask_email, shown
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("anna@example.com", "a***@e***.com"),
        ("a@b.example.co.uk", "a***@b***.uk"),
        ("josé@exämple.example", "j***@e***.example"),
        ("root@localhost", "r***@l***"),
        ("nobody", "n***"),
        ("", "***"),
        ("@", "***@***"),
        ("a@b@example.com", "a***@e***.com"),
    ],
)
def test_an_address_keeps_two_letters_and_its_top_domain(address: str, masked: str) -> None:
    assert mask_email(address) == masked


def test_addresses_inside_a_value_are_masked_too() -> None:
    assert mask_addresses("ask anna@example.com, or <bob@example.org>") == "ask a***@e***.com, or <b***@e***.org>"


@given(st.text())
def test_nothing_that_moves_a_cursor_or_turns_text_is_shown(text: str) -> None:
    for char in shown(text):
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff\u200b"


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "M"))))
def test_letters_of_every_script_are_shown_as_they_are(text: str) -> None:
    assert shown(text) == text


def test_joiners_are_kept_between_letters_only() -> None:
    assert shown("می‌خواهم") == "می‌خواهم"
    assert shown("\u200dx") == "\\u200dx"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
