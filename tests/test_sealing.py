"""Keys and seals: what opens, what doesn't, and what is said of it."""

import base64
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from ccsync.errors import CcsyncError, DeniedError, InvalidError, StaleError
from ccsync.sealing import CHUNK_BYTES, Keys, Purpose, fresh_key, is_sealed, load_keys
from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = fresh_key()
TEXT = b"anna@example.com,Anna"


def keys(*texts: str) -> Keys:
    found = load_keys({"CCSYNC_KEY": texts[0], "CCSYNC_OLD_KEYS": " ".join(texts[1:])})
    assert found is not None
    return found


KEYS = keys(SECRET)


def sealed(data: bytes = TEXT) -> bytes:
    return KEYS.seal(data, Purpose.STATE, "HEAD")


def refusal(kind: type[CcsyncError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    (finding,) = caught.value.diagnostics
    said = f"{finding.summary} {finding.detail} {finding.hint}"
    assert SECRET not in said
    assert "anna" not in said
    return f"{finding.code} {finding.summary}"


def test_what_is_sealed_opens_with_the_key_and_says_nothing_without() -> None:
    assert KEYS.unseal(sealed(), Purpose.STATE, "HEAD") == TEXT
    assert is_sealed(sealed())
    assert not is_sealed(TEXT)
    assert b"anna" not in sealed()
    assert sealed() != sealed()
    assert SECRET not in repr(KEYS)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 3 * CHUNK_BYTES + 50), max_size=4), size=st.integers(0, 3))
def test_pieces_of_any_size_seal_to_the_same_content(cuts: list[int], size: int) -> None:
    for data in (b"x" * (size * CHUNK_BYTES), b"y" * (size * CHUNK_BYTES + 1)):
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        pieces = [data[a:b] for a, b in pairwise(places)]
        found = b"".join(KEYS.seal_chunks(pieces, Purpose.PLAN, ""))
        again = [found[a : a + 700_001] for a in range(0, len(found), 700_001)]
        assert b"".join(KEYS.unseal_chunks(again, Purpose.PLAN, "")) == data


def test_what_was_moved_elsewhere_does_not_open() -> None:
    for purpose, name in ((Purpose.STATE, "HEAD2"), (Purpose.PLAN, "HEAD"), (Purpose.SIGN_IN, "")):
        assert refusal(StaleError, lambda p=purpose, n=name: KEYS.unseal(sealed(), p, n)).startswith("E723")


def test_no_bit_can_be_changed_and_no_end_cut_off_or_added() -> None:
    data = sealed()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((StaleError, DeniedError), match="E72"):
            KEYS.unseal(changed, Purpose.STATE, "HEAD")
    for other in (data[:-1], data + b"x", data[:-16], data[:56], data[:20], b"", TEXT):
        assert refusal(StaleError, lambda o=other: KEYS.unseal(o, Purpose.STATE, "HEAD")).startswith("E723")


def test_pieces_can_not_be_left_out_or_put_in_another_order() -> None:
    data = KEYS.seal(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c", Purpose.STATE, "f")
    head, size = data[:56], CHUNK_BYTES + 16
    first, second, rest = data[56 : 56 + size], data[56 + size : 56 + 2 * size], data[56 + 2 * size :]
    for other in (head + second + first + rest, head + first + rest, head + first + second, head + first):
        assert refusal(StaleError, lambda o=other: KEYS.unseal(o, Purpose.STATE, "f")).startswith("E723")


def test_a_wrong_key_is_told_from_damage() -> None:
    other = keys(fresh_key())
    said = refusal(DeniedError, lambda: other.unseal(sealed(), Purpose.STATE, "HEAD"))
    assert said.startswith("E721 the state (HEAD) is sealed with another key (")


def test_after_a_rotation_the_old_key_opens_and_the_new_one_seals() -> None:
    new = fresh_key()
    rotated = keys(new, SECRET)
    assert rotated.unseal(sealed(), Purpose.STATE, "HEAD") == TEXT
    assert KEYS.is_current(sealed())
    assert not rotated.is_current(sealed())
    assert keys(new).unseal(rotated.seal(TEXT, Purpose.PLAN, ""), Purpose.PLAN, "") == TEXT


def test_no_key_means_nothing_is_sealed() -> None:
    assert load_keys({}) is None
    assert load_keys({"CCSYNC_KEY": "", "CCSYNC_OLD_KEYS": SECRET}) is None


def test_a_key_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}=\n")
    assert keys(f"${{file:{tmp_path}/key}}").unseal(sealed(), Purpose.STATE, "HEAD") == TEXT
    said = refusal(InvalidError, lambda: keys(f"${{file:{tmp_path}/none}}"))
    assert said == "E722 CCSYNC_KEY can't be used: the file it names can't be read (FileNotFoundError)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hunter2", "it stands for 5 bytes, not 32"),
        ("not a key!", "it is not base64url"),
        (base64.urlsafe_b64encode(base64.urlsafe_b64decode(SECRET + "=")[:-1]).decode(), "31 bytes, not 32"),
        (base64.urlsafe_b64encode(bytes(32)).decode(), "which can be guessed"),
        (base64.urlsafe_b64encode(b"correct horse battery staple 123").decode(), "which can be guessed"),
        (base64.urlsafe_b64encode(bytes(range(8)) * 4).decode(), "which can be guessed"),
    ],
    ids=["a word", "a sentence", "too short", "zeros", "a text", "a pattern"],  # a key at random would be a random name
)
def test_what_could_be_guessed_is_no_key(text: str, why: str) -> None:
    said = refusal(InvalidError, lambda: keys(text))
    assert said.startswith("E722 CCSYNC_KEY can't be used: ")
    assert why in said
    assert refusal(InvalidError, lambda: keys(SECRET, text)).startswith("E722 CCSYNC_OLD_KEYS can't be used")
