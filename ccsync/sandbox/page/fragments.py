"""The parts of the page that change while one looks: lists, activities, requests, what is in force, the tallies.

Each is a function from the service to HTML; the frame around them and the routes are in ``views``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccsync.sandbox import lists, truth
from ccsync.sandbox.clock import iso
from ccsync.sandbox.page.html import Markup, join, tag
from ccsync.sandbox.service import Service
from ccsync.sandbox.switches import SWITCHES

_NUMBERS = frozenset({"Members", "Mailable", "Bytes in", "ms"})
SHOWN_ACTIVITIES = 30
SHOWN_REQUESTS = 60


def all_fragments(service: Service, steady: float) -> dict[str, Markup]:
    """Return every changing part by the id of the element that holds it."""
    statistics = truth.statistics(service)
    return {
        "tallies": tallies(service, statistics, steady),
        "lists": list_table(service),
        "activities": activity_table(service),
        "requests": request_table(service),
        "force": in_force(service),
    }


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _tile(label: str, value: str, note: object = "", *, mood: str | None = None, share: float | None = None) -> Markup:
    bar = Markup("")
    if share is not None:
        bar = tag("progress", value=round(min(1.0, share), 3), max=1)
    return tag(
        "div", tag("span", label, class_="label"), tag("strong", value), bar, tag("small", note),
        class_=f"tile {mood}" if mood else "tile",
    )  # fmt: skip


def tallies(service: Service, statistics: Mapping[str, Any], steady: float) -> Markup:
    """The row of figures at the top. ``Any``: the statistics document."""
    account, harm = statistics["account"], statistics["harm"]
    hurt = sum(harm.values())
    rate = service.log.rate(steady)
    quota = service.gateway.requests_per_day
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in harm.items() if count)
    broken = sum(statistics["violations"].values())
    named = ", ".join(f"{name.replace('_', ' ')} ({count})" for name, count in statistics["violations"].items())
    return join(
        _tile("People", _number(account["contacts"] - account["deleted"]),
              f"{account['active']:,} active, {account['unsubscribed']:,} unsubscribed"),
        _tile("Peak active (billed)", _number(account["peak_active"]), f"{account['deleted']:,} deleted since"),
        _tile("Requests a second", f"{rate:.1f}", f"limit {service.gateway.rate:g}, last 5 seconds",
              share=rate / service.gateway.rate),
        _tile("Requests today", _number(service.gateway.used_today), f"of {quota:,}",
              share=service.gateway.used_today / quota if quota else 1),
        _tile("Put back or harmed", _number(hurt), told or "nobody", mood="bad" if hurt else "good"),
        _tile("Broken rules", _number(broken), named or "none", mood="bad" if broken else "good"),
    )  # fmt: skip


def _table(head: tuple[str, ...], rows: list[Markup], empty: str) -> Markup:
    if not rows:
        return tag("p", empty, class_="empty")
    return tag(
        "table",
        tag("thead", tag("tr", *[tag("th", name, class_="number" if name in _NUMBERS else None) for name in head])),
        tag("tbody", *rows),
    )


def list_table(service: Service) -> Markup:
    """The lists with their members counted."""
    everyone, active = lists.member_counts(service, "all"), lists.member_counts(service, "active")
    rows = [
        tag(
            "tr",
            tag("td", tag("a", one.name, href=f"/members/{one.list_id}")),
            tag("td", f"{everyone.get(one.number, 0):,}", class_="number"),
            tag("td", f"{active.get(one.number, 0):,}", class_="number"),
            tag("td", "in use by a campaign" if one.in_use else ""),
        )
        for one in service.account.active_lists()
    ]
    return _table(("List", "Members", "Mailable", ""), rows, "No lists yet.")


def activity_table(service: Service) -> Markup:
    """The newest activities with their progress and counters."""
    rows = []
    for job in service.queue.listing(None)[:SHOWN_ACTIVITIES]:
        counters = ", ".join(
            f"{name.removesuffix('_count').replace('_', ' ')} {count:,}" for name, count in job.status.items() if count
        )
        errors = tag("div", "; ".join(job.errors), class_="bad") if job.errors else ""
        rows.append(
            tag(
                "tr", tag("td", tag("time", iso(job.created_at)[11:19])),
                tag("td", job.kind.replace("_", " "), tag("small", job.source_file_name or "")),
                tag("td", tag("span", job.state.value.replace("_", " "), class_=f"state {job.state.value}")),
                tag("td", tag("progress", value=job.percent_done, max=100), tag("small", f"{job.percent_done} %")),
                tag("td", counters, errors),
            )
        )  # fmt: skip
    return _table(("Queued", "Activity", "State", "Progress", "Counters"), rows, "No activities yet.")


def request_table(service: Service) -> Markup:
    """The last requests, newest first."""
    rows = []
    for one in reversed(service.log.since(0, limit=SHOWN_REQUESTS)):
        status = int(one["status"])
        mood = "bad" if status >= 500 or status == 0 else "warn" if status >= 400 else "good"
        fault = tag("span", one["fault"].replace("_", " "), class_="fault") if one["fault"] else ""
        rows.append(
            tag(
                "tr", tag("td", tag("time", one["at"][11:23])), tag("td", one["method"], class_="method"),
                tag("td", one["path"], class_="path"), tag("td", status or "dropped", class_=mood), tag("td", fault),
                tag("td", f"{one['bytes_in']:,}", class_="number"), tag("td", f"{one['took_ms']:.0f}", class_="number"),
            )
        )  # fmt: skip
    return _table(("Time", "", "Path", "Status", "Fault", "Bytes in", "ms"), rows, "No requests yet.")


def in_force(service: Service) -> Markup:
    """The faults ordered and the switches, those that differ from the default first."""
    faults = [
        tag(
            "li", tag("b", one["kind"].replace("_", " ")), f" on {one['method']} {one['path']}: ",
            "spent" if one["spent"] else f"hit {one['hit']} of {one['times'] or 'all'}",
            class_="spent" if one["spent"] else None,
        )
        for one in service.faults.listing()
    ]  # fmt: skip
    now = service.switches.as_dict()
    ordered = sorted(SWITCHES.values(), key=lambda one: now[one.name] == one.default)
    switches = [
        tag(
            "tr", tag("td", one.name), tag("td", tag("code", now[one.name])), tag("td", one.meaning),
            class_=None if now[one.name] == one.default else "changed",
        )
        for one in ordered
    ]  # fmt: skip
    return join(
        tag("h3", "Faults"),
        tag("ul", *faults) if faults else tag("p", "None ordered.", class_="empty"),
        tag("h3", "Switches"),
        _table(("Switch", "Setting", "What it decides"), switches, ""),
    )
