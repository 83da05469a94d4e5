"""One small sealed thing beside the state, in the same storage: `ports.ledger.SharedBox`.

What is in it is not known here.
"""

from ccsync.sealing import Keys
from ccsync.state import refusals
from ccsync.state.head import SIGN_INS
from ccsync.state.sealed import SealedStore
from ccsync.state.store import Version


class StateBox:
    """`SharedBox` over a name in the state's store. keys: of the store, which must have some."""

    def __init__(self, store: SealedStore, keys: Keys, name: str) -> None:
        del keys  # asked for, so that nobody makes a box over a store that doesn't seal
        self._store = store
        self._name = f"{SIGN_INS}/{name}.json"

    def get(self) -> tuple[bytes, str] | None:
        stored = self._store.get(self._name)
        if stored is None:
            return None
        if not stored.sealed:
            raise refusals.corrupt(f"{self._name} is not sealed, so ccsync did not write it")
        return stored.data, stored.version

    def swap(self, content: bytes, expected: str | None) -> bool:
        return self._store.swap(self._name, content, None if expected is None else Version(expected))
