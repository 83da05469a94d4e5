"""The places where a sign-in can be kept that several processes of a test share, below one folder."""

from collections.abc import Mapping
from pathlib import Path

from ccsync.cli.clock import SystemClock
from ccsync.constant_contact.tokenplaces import OpenBox
from ccsync.ports.ledger import SharedBox
from ccsync.sealing import load_keys
from ccsync.state.box import StateBox
from ccsync.state.files import LocalDisk
from ccsync.state.sealed import SealedStore
from ccsync.state.store import LocalStore


def box_opener(environ: Mapping[str, str]) -> OpenBox:
    """As the program opens them, in the state folder `CCSYNC_HOME/state`, with `CCSYNC_KEY`."""

    def opened(name: str) -> SharedBox:
        keys = load_keys(environ)
        assert keys is not None
        folder = Path(environ["CCSYNC_HOME"])
        store = LocalStore(folder / "state", LocalDisk(), SystemClock())
        return StateBox(SealedStore(store, keys, lambda: folder), keys, name)

    return opened
