"""The routes of the page: the overview, the members of a list, the live parts, the style sheet and the script.

What the changing parts show is in ``fragments``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from importlib import resources
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from ccsync.sandbox.clock import iso
from ccsync.sandbox.page.fragments import all_fragments
from ccsync.sandbox.page.html import Markup, join, tag
from ccsync.sandbox.service import Service

PAGE = 50
# Nothing from elsewhere, nothing inline: text that got through unescaped could still not run.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_TITLES = {
    "lists": "Lists", "activities": "Activities", "requests": "Requests, newest first", "force": "In force",
}  # fmt: skip


def overview(service: Service, _: Request, __: Mapping[str, str]) -> Response:
    """GET /: everything at a glance; goes on by itself where scripts run."""
    parts = all_fragments(service, time.monotonic())
    cards = [
        tag("section", tag("h2", title), tag("div", parts[name], id=name, class_="scroll"), class_=f"card {name}")
        for name, title in _TITLES.items()
    ]
    body = join(tag("div", parts["tallies"], id="tallies", class_="tiles"), tag("main", *cards, class_="grid"))
    return _page(service, "Constant Contact sandbox", body, live=True)


def members(service: Service, request: Request, path: Mapping[str, str]) -> Response:
    """GET /members/{list_id}: who is on a list, fifty a page, searchable by address and name."""
    one = service.account.list_or_404(path["list_id"])
    wanted = request.args.get("q", "").strip()[:100]
    at = max(1, int(request.args.get("page", "1"))) if request.args.get("page", "1")[:9].isdecimal() else 1
    pattern = "%" + wanted.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    where = f"""FROM contacts c JOIN memberships m ON m.seq = c.seq WHERE m.list_no = {one.number}
        AND c.deleted_at IS NULL AND ($pattern = '%%' OR lower(concat_ws(' ', c.email, c.first_name, c.last_name))
            LIKE $pattern ESCAPE '\\')"""
    values = {"pattern": pattern}
    with service.store.read() as db:
        row = db.execute(f"SELECT count(*) {where}", values).fetchone()
        found = db.execute(
            f"""SELECT c.email, c.first_name, c.last_name, c.permission, c.created_at, c.updated_at {where}
            ORDER BY c.email LIMIT {PAGE} OFFSET {PAGE * (at - 1)}""",
            values,
        ).fetchall()
    count = int(row[0]) if row else 0
    rows = [
        tag("tr", *[tag("td", "" if value is None else value) for value in (email, first, last)],
            tag("td", tag("span", permission or "not_set", class_=f"state {permission}")),
            tag("td", f"{born:%Y-%m-%d %H:%M}"), tag("td", f"{changed:%Y-%m-%d %H:%M}"))
        for email, first, last, permission, born, changed in found
    ]  # fmt: skip
    head = tag(
        "tr", *[tag("th", name) for name in ("Address", "First name", "Last name", "Consent", "Created", "Updated")]
    )
    search = tag(
        "form", tag("input", type="search", name="q", value=wanted, placeholder="Search address or name",
                    aria_label="Search address or name"),
        tag("button", "Search"), method="get", class_="search",
    )  # fmt: skip
    table = tag("table", tag("thead", head), tag("tbody", *rows)) if rows else tag("p", "Nobody.", class_="empty")
    what = f"{count:,} found for “{wanted}”" if wanted else f"{count:,} members"
    body = tag(
        "section", tag("p", tag("a", "← Overview", href="/")), tag("h2", one.name), tag("p", what), search,
        table, _pager(at, count, wanted), class_="card wide",
    )  # fmt: skip
    return _page(service, one.name, body, live=False)


def _pager(at: int, count: int, wanted: str) -> Markup:
    pages = max(1, -(-count // PAGE))
    search = f"&q={quote(wanted, safe='')}" if wanted else ""
    before = tag("a", "← Back", href=f"?page={at - 1}{search}", rel="prev") if at > 1 else ""
    after = tag("a", "Next →", href=f"?page={at + 1}{search}", rel="next") if at < pages else ""
    return tag("nav", before, tag("span", f"page {at:,} of {pages:,}"), after, class_="pager")


def live(service: Service, _: Request, __: Mapping[str, str]) -> Response:
    """GET /page/live: the changing parts as JSON, for the script."""
    parts = all_fragments(service, time.monotonic())
    document = {"now": iso(service.clock.now()), "parts": parts}
    return _secured(Response(json.dumps(document), content_type="application/json"))


def style(_: Service, __: Request, ___: Mapping[str, str]) -> Response:
    """GET /page/style.css."""
    return _asset("style.css", "text/css; charset=utf-8")


def script(_: Service, __: Request, ___: Mapping[str, str]) -> Response:
    """GET /page/live.js."""
    return _asset("live.js", "text/javascript; charset=utf-8")


def _asset(name: str, media: str) -> Response:
    return _secured(Response(resources.files(__package__).joinpath(name).read_bytes(), content_type=media))


def _page(service: Service, title: str, body: Markup, *, live: bool) -> Response:
    owner = service.account.owner
    head = tag(
        "head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title), Markup('<link rel="stylesheet" href="/page/style.css"><link rel="icon" href="data:,">'),
        Markup('<script src="/page/live.js" defer></script>') if live else "",
    )  # fmt: skip
    banner = tag(
        "header", tag("h1", owner["organization_name"]),
        tag("p", "A local Constant Contact account. No mail leaves this machine."),
        tag("p", tag("code", owner["encoded_account_id"]), " ", tag("time", iso(service.clock.now()), id="now"),
            class_="right"),
    )  # fmt: skip
    text = join(Markup("<!doctype html>"), tag("html", head, tag("body", banner, body), lang="en"))
    return _secured(Response(text, content_type="text/html; charset=utf-8"))


def _secured(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


ROUTES: tuple[tuple[str, str, Callable[[Service, Request, Mapping[str, str]], Response]], ...] = (
    ("GET", "/", overview),
    ("GET", "/members/{list_id}", members),
    ("GET", "/page/live", live),
    ("GET", "/page/style.css", style),
    ("GET", "/page/live.js", script),
)
"""Method, path, handler."""
