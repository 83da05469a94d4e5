"""What the use cases (`planner`, `applier`) need of the world, as small protocols, and the values that cross.

Rows cross as files or as names of relations, never as Python objects. Implemented by `engine` (Desires, Differ,
Bodies, Outcomes), `state` (LedgerReader, LedgerWriter, Journal, PlanFiles, Lease) and `constant_contact` (LiveReader,
Destination).
"""
