"""The page at ``/``, on which a person watches an apply happen: server-rendered HTML, a style sheet, a little script.

It only looks; changing the account is the control API's business. It needs no network and no build step.
"""
