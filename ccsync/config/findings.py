"""What the JSON Schema has against a file, in words a person can act on. What the schema can't say is in `check.py`."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol

from ccsync.config.declared import Path
from ccsync.config.validator import Refusal, config_schema, refusals
from ccsync.errors import Diagnostic, Where

_TYPES = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_VERSION_HINT = "every file starts with `version: 1`"


class Places(Protocol):
    """What knows where a value stands: one file, or all of them together."""

    def where(self, path: Path, *, key: bool = False) -> Where | None: ...


def check_schema(data: Any, places: Places) -> tuple[Diagnostic, ...]:  # Any: YAML data, not checked yet
    """Everything in one file that the schema refuses, each with its place. Never quotes what may be a secret."""
    if data is None:
        hint = f"{_VERSION_HINT}; delete the file if it isn't needed"
        return (Diagnostic("E103", "the file is empty", hint=hint, where=places.where(())),)
    if isinstance(data, dict) and not set(data) & set(config_schema()["properties"]):
        summary = "this is no ccsync configuration: it has no `version` and none of the sections"
        hint = "every *.yaml file below the config directory is read; move this one elsewhere"
        return (Diagnostic("E103", summary, hint=hint, where=places.where(())),)
    found = (finding for refusal in refusals(data) for finding in _diagnostics(refusal, places))
    return tuple(dict.fromkeys(found))


def _diagnostics(refusal: Refusal, places: Places) -> Iterable[Diagnostic]:
    path = refusal.path
    if refusal.is_name:
        return (_wrong_name(str(refusal.instance), path, places),)
    if refusal.schema.get("writeOnly") is True:
        return (secret_in_plain_text(path, places),)
    special = _SPECIAL.get(refusal.keyword)
    if special is not None:
        return special(refusal, places)
    summary = f"`{name_of(path)}` {_what(refusal)}"
    return (Diagnostic("E103", summary, hint=_hint(refusal), where=places.where(path)),)


def secret_in_plain_text(path: Path, places: Places) -> Diagnostic:
    variable = f"CC_{str(path[-1]).upper()}"
    return Diagnostic(
        "E104",
        f"`{name_of(path)}` takes only a reference, never a secret itself",
        hint=f"write ${{env:{variable}}} or ${{file:PATH}}; a secret that stood here should be replaced by a new one",
        where=places.where(path),
    )


def _what(refusal: Refusal) -> str:
    """What is wrong with a value, as the rest of a sentence that begins with its key. Never the value itself."""
    value = refusal.value
    if refusal.instance is None:
        return "is empty"
    if refusal.keyword == "type":
        return f"takes {_types(value)}, not {_type_of(refusal.instance)}"
    match refusal.keyword:
        case "pattern" | "anyOf" | "oneOf" if said := refusal.schema.get("errorMessage"):
            return f"is no name: {said}" if refusal.schema == config_schema()["definitions"]["name"] else str(said)
        case "enum":
            return f"takes {listed(value)}"
        case "const":
            return f"takes {value}"
        case "minLength" | "minItems" | "minProperties" if value == 1:
            return "is empty"
        case "minLength" | "minItems":
            return f"takes at least {value} {_unit(refusal)}"
        case "maxLength" | "maxItems":
            return f"takes at most {value} {_unit(refusal)}"
        case "minimum":
            return f"must be at least {value:,}"
        case "maximum":
            return f"must be at most {value:,}"
        case "exclusiveMinimum":
            return f"must be more than {value:,}"
        case _:
            return "is not what is expected here"


def _unit(refusal: Refusal) -> str:
    one, many = {"Length": ("character", "characters"), "Items": ("entry", "entries")}[refusal.keyword[3:]]
    return one if refusal.value == 1 else many


def _hint(refusal: Refusal) -> str | None:
    instance = refusal.instance
    if refusal.keyword == "enum" and isinstance(instance, str):
        return did_you_mean(instance, [choice for choice in refusal.value if isinstance(choice, str)])
    if refusal.path == ("version",):
        return "this version of ccsync reads `version: 1`"
    if instance is None:
        return "give it a value or remove it"
    if refusal.keyword != "type":
        return None
    if "string" in _as_list(refusal.value) and isinstance(instance, bool | int | float):
        return "put quotes around it to make it text"
    if isinstance(instance, str) and "${" in instance:
        return "a reference gives text, which this key doesn't take"
    return None


def _unknown_keys(refusal: Refusal, places: Places) -> Iterator[Diagnostic]:
    path, known = refusal.path, list(refusal.schema.get("properties", ()))
    is_attribute = path[-1:] == ("attributes",)
    for key in refusal.instance:
        if key in known or key == "<<":  # the merge key has had its own diagnostic
            continue
        yield Diagnostic(
            "E119" if is_attribute else "E103",
            f"unknown {'attribute' if is_attribute else 'key'} `{_short(key)}`{_inside(path)}",
            hint=_attribute_hint(key, known) if is_attribute else _key_hint(key, known),
            where=places.where((*path, key), key=True),
        )


def _attribute_hint(key: str, known: Sequence[str]) -> str:
    if key in ("email", "email_address"):
        return "the address stands under `data_matching: {email: …}`"
    near = did_you_mean(key.removeprefix("cf:"), known)
    return near or "the account's own fields stand under `custom_fields`"


def _key_hint(key: str, known: Sequence[str]) -> str:
    if homes := _homes().get(key):
        return f"`{key}` stands under {listed(homes)}"
    return did_you_mean(key, known) or f"the keys here are {listed(sorted(known))}"


@cache
def _homes() -> dict[str, tuple[str, ...]]:
    """Key → where in the schema it stands, for keys that were written at the wrong level."""
    homes: dict[str, list[str]] = {}
    sections: dict[str, Any] = config_schema()["properties"]  # Any: parts of a JSON Schema
    for key, section in sections.items():
        homes.setdefault(key, []).append("the top of a file")
        for inner in section.get("properties", {}):
            homes.setdefault(inner, []).append(f"`{key}`")
    for title, definition in config_schema()["definitions"].items():
        what = f"`{title}`" if title in ("guards", "bound") else f"{_article(title)} {title.partition('_')[0]}"
        for key, value in definition.get("properties", {}).items():
            homes.setdefault(key, []).append(what)
            for inner in value.get("properties", {}):
                homes.setdefault(inner, []).append(f"`{key}` of {what}")
    return {key: tuple(dict.fromkeys(places)) for key, places in homes.items()}


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeio" else "a"


def _required(refusal: Refusal, places: Places) -> Iterator[Diagnostic]:
    for key in refusal.value:
        if key not in refusal.instance:
            summary = f"`{key}` is missing{_inside(refusal.path)}"
            hint = _VERSION_HINT if key == "version" else None
            yield Diagnostic("E103", summary, hint=hint, where=places.where(refusal.path, key=True))


def _dependencies(refusal: Refusal, places: Places) -> Iterator[Diagnostic]:
    for key, needs in refusal.value.items():
        for need in needs:
            if key in refusal.instance and need not in refusal.instance:
                code = "E121" if key.startswith("birthday") else "E103"
                summary = f"`{key}` needs `{need}`{_inside(refusal.path)}"
                yield Diagnostic(code, summary, where=places.where((*refusal.path, key), key=True))


def _unique(refusal: Refusal, places: Places) -> Iterator[Diagnostic]:
    path = refusal.path
    for index, item in enumerate(refusal.instance):
        if item in refusal.instance[:index]:
            named = f"`{item}`" if isinstance(item, str) and re.fullmatch(r"\w{1,63}", item) else "the same"
            code = "E116" if path[-1:] == ("segments",) else "E103"
            summary = f"`{name_of(path)}` names {named} twice"
            yield Diagnostic(code, summary, hint="remove one of them", where=places.where((*path, index)))


def _too_many(refusal: Refusal, places: Places) -> Iterator[Diagnostic]:
    path = refusal.path
    code = "E115" if path[-1:] == ("custom_fields",) else "E103"
    summary = f"`{name_of(path)}` holds {len(refusal.instance)} keys; at most {refusal.value} are taken"
    yield Diagnostic(code, summary, where=places.where(path, key=True))


_SPECIAL: dict[str, Callable[[Refusal, Places], Iterator[Diagnostic]]] = {
    "additionalProperties": _unknown_keys,
    "required": _required,
    "dependencies": _dependencies,
    "uniqueItems": _unique,
    "maxProperties": _too_many,
}


def _wrong_name(name: str, path: Path, places: Places) -> Diagnostic:
    where = places.where((*path, name), key=True)
    if path[-1:] == ("custom_fields",):
        hint = "take the field's API name: its label with _ in place of blanks"
        hint = "write the name without cf:" if name.startswith("cf:") else hint
        summary = f"`{_short(name)}` is no custom field's API name: letters, digits and _, at most 50"
        return Diagnostic("E115", summary, hint=hint, where=where)
    rule: str = config_schema()["definitions"]["name"]["errorMessage"]
    proposal = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:63]
    hint_name = f"call it `{proposal}`" if re.match(r"[a-z]", proposal) else None
    return Diagnostic("E103", f"`{_short(name)}` is no name: {rule}", hint=hint_name, where=where)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, as a hint; None when none does."""
    from difflib import get_close_matches  # only when something is wrong

    spelled = {choice.lower(): choice for choice in known}
    near = get_close_matches(word.lower().replace("-", "_").replace(" ", "_"), list(spelled), n=1, cutoff=0.6)
    return f"did you mean `{spelled[near[0]]}`?" if near else None


def listed(choices: Iterable[object]) -> str:
    """Words as a person lists them: a, b or c."""
    words = [str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in choices]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def name_of(path: Path) -> str:
    """A path as messages name it: exports.weekly.segments."""
    return _short(".".join(str(part) for part in path)) if path else "the file"


def _types(value: str | list[str]) -> str:
    return " or ".join(_TYPES[kind] for kind in _as_list(value))


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _type_of(instance: object) -> str:
    match instance:
        case bool():
            return f"the word {str(instance).lower()}"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _inside(path: Path) -> str:
    return f" in `{name_of(path)}`" if path else ""


def _short(text: str) -> str:
    shown = re.sub(r"\S*@\S*", "…", text)  # somebody's address may have come to stand where a key should
    return shown if len(shown) <= 200 else shown[:197] + "…"
