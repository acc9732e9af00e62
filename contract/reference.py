"""A reference page made from settings structs, so that what is documented is what is decoded."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from msgspec import inspect as mi


def reference(title: str, intro: str, root: type[msgspec.Struct]) -> str:
    """A Markdown page with a table per TOML table of `root`: setting, type and bounds, default, meaning."""
    sections = [f"# {title}\n\n{intro}\n"]
    sections += _sections(cast(mi.StructType, mi.type_info(root)), "")
    return "\n".join(sections)


def _sections(info: mi.StructType, path: str) -> Iterator[str]:
    yield _table(info, path)
    for field in info.fields:
        many, structs = _structs_in(field.type)
        for struct in structs:
            place = f"{path}.{field.encode_name}" if path else field.encode_name
            yield from _sections(struct, f"[{place}]" if many else place)


def _table(info: mi.StructType, path: str) -> str:
    tag = f' with `{info.tag_field} = "{info.tag}"`' if info.tag_field else ""
    head = f"## `[{path}]`{tag}" if path else "## At the top of the file"
    about = (info.cls.__doc__ or "").strip().splitlines()[0]
    rows = [_row(field) for field in info.fields if not _structs_in(field.type)[1]]
    if not rows:
        return f"{head}\n\n{about}\n"
    return "\n".join([head, "", about, "", "| setting | values | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(field: mi.Field) -> str:
    meaning = _description(field.type)
    return f"| `{field.encode_name}` | {_values(field.type)} | {_default(field)} | {meaning} |"


def _structs_in(kind: mi.Type) -> tuple[bool, list[mi.StructType]]:
    """Whether `kind` is a list of tables, and the structs that it may hold."""
    kind = _bare(kind)
    if isinstance(kind, mi.ListType | mi.VarTupleType):
        return True, _structs_in(kind.item_type)[1]
    if isinstance(kind, mi.UnionType):
        return False, [found for member in kind.types for found in _structs_in(member)[1]]
    return False, [kind] if isinstance(kind, mi.StructType) else []


def _bare(kind: mi.Type) -> mi.Type:
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    return kind


def _description(kind: mi.Type) -> str:
    if isinstance(kind, mi.Metadata):
        words = (kind.extra_json_schema or {}).get("description", "")
        return str(words) or _description(kind.type)
    if isinstance(kind, mi.UnionType):
        return next((words for member in kind.types if (words := _description(member))), "")
    return ""


def _values(kind: mi.Type) -> str:
    kind = _bare(kind)
    match kind:
        case mi.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case mi.UnionType(types=types):
            return " or ".join(_values(member) for member in types if not isinstance(_bare(member), mi.NoneType))
        case mi.ListType(item_type=item) | mi.VarTupleType(item_type=item):
            return f"list of {_values(item)}"
        case mi.DictType(key_type=key, value_type=value):
            return f"table of {_values(key)} to {_values(value)}"
        case _:
            return _scalar(kind)


def _scalar(kind: mi.Type) -> str:
    if isinstance(kind, mi.IntType | mi.FloatType):
        return _bounds(kind)
    return {mi.BoolType: "`true`, `false`", mi.StrType: "text"}.get(type(kind), "any")


def _bounds(kind: mi.IntType | mi.FloatType) -> str:
    word = "integer" if isinstance(kind, mi.IntType) else "number"
    low = f"{kind.ge}" if kind.ge is not None else (f"more than {kind.gt}" if kind.gt is not None else "")
    high = f"{kind.le}" if kind.le is not None else (f"less than {kind.lt}" if kind.lt is not None else "")
    if low and high:
        return f"{word}, {low} to {high}"
    return f"{word}, {low or 'any'} or more" if low else word


def _default(field: mi.Field) -> str:
    value: Any = field.default
    if field.default_factory in {list, dict}:
        value = field.default_factory()
    elif field.default_factory is not msgspec.NODEFAULT:
        return "worked out"
    if value is msgspec.NODEFAULT:
        return "required"
    return "none" if value is None else f"`{msgspec.json.encode(value).decode()}`"
