"""The second use case: do exactly what a plan says, and nothing else. Knows no SQL, HTTP, file or terminal.

The order is the protocol: intent durable → POST → activity id durable → end → outcome durable → one new
generation. What was interrupted is settled by the same code, from the journal (`settle`).
"""

from ccsync.applier.apply import apply_plan
from ccsync.applier.deck import Means, StopSignal, Work
from ccsync.applier.settle import settle

__all__ = ["Means", "StopSignal", "Work", "apply_plan", "settle"]
