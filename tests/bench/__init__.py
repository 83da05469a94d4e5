"""`make bench`: how fast and how lean ccsync is, against the plainest program of the same work, in one run."""
