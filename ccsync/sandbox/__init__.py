"""A local Constant Contact account: the vendor's API, its limits and its surprises, on loopback.

No client code and no sync rules live here; the sandbox knows the vendor's contract and nothing of ccsync's.
"""
