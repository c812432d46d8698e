"""Source code by its language's own grammar: functions, classes and their methods.

The grammars are tree-sitter's: they also read code that is cut or does not compile.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistants.data.structure.code import add_paragraphs, code_blocks
from assistants.data.structure.outline import Line, Outline, split_lines

if TYPE_CHECKING:
    from tree_sitter import Language, Node

# For each language: the modules and functions of its grammars, the likeliest first. C is read as
# C++ and JavaScript as TypeScript with JSX, which contain them.
_TYPESCRIPT = ("tree_sitter_typescript", "language_typescript")
_TSX = ("tree_sitter_typescript", "language_tsx")
_CPP = ("tree_sitter_cpp", "language")
GRAMMARS: dict[str, tuple[tuple[str, str], ...]] = {
    "text/x-python": (("tree_sitter_python", "language"),),
    "text/x-javascript": (_TSX, _TYPESCRIPT),
    "text/x-typescript": (_TYPESCRIPT, _TSX),
    "text/x-java": (("tree_sitter_java", "language"),),
    "text/x-go": (("tree_sitter_go", "language"),),
    "text/x-rust": (("tree_sitter_rust", "language"),),
    "text/x-c": (_CPP,),
    "text/x-c++": (_CPP,),
    "text/x-csharp": (("tree_sitter_c_sharp", "language"),),
    "text/x-ruby": (("tree_sitter_ruby", "language"),),
    "text/x-php": (("tree_sitter_php", "language_php"),),
}
MAX_DEPTH = 20  # of definitions in definitions
MAX_SECONDS = 5.0  # of processor time for one source; a megabyte of real code takes less than one
LONGEST_NAME = 100
_READ = 1 << 16  # bytes at a time

# Kinds of nodes, of all these languages together: their names do not collide.
_WITH_MEMBERS = {
    "class", "class_declaration", "class_definition", "class_specifier",
    "abstract_class_declaration", "interface_declaration", "enum_declaration",
    "record_declaration", "struct_declaration", "struct_specifier", "union_specifier",
    "trait_declaration", "trait_item", "impl_item", "mod_item", "module", "internal_module",
    "namespace_declaration", "namespace_definition",
}  # fmt: skip
_WITHOUT = {
    "function_definition", "function_declaration", "generator_function_declaration",
    "function_item", "method", "method_declaration", "method_definition", "singleton_method",
    "constructor_declaration", "destructor_declaration", "operator_declaration",
    "delegate_declaration", "macro_definition", "type_alias_declaration", "type_declaration",
    "type_definition", "struct_item", "enum_item", "enum_specifier", "union_item",
    "annotation_type_declaration", "lexical_declaration", "public_field_definition",
}  # fmt: skip
_FUNCTIONS = {
    "arrow_function", "function_expression", "generator_function", "class",
}  # fmt: skip
# These belong to the definition inside them, …
_AROUND = {
    "export_statement", "decorated_definition", "template_declaration", "ambient_declaration",
    "expression_statement",
}  # fmt: skip
# … and these are only passed through.
_THROUGH = {
    "linkage_specification", "preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif",
    "declaration_list", "statement_list", "file_scoped_namespace_declaration",
}  # fmt: skip
_ABOVE = {
    "comment", "line_comment", "block_comment", "attribute_item",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """Lines `first` to `last`, which is not part of it; `members` are inside, in order."""

    name: str
    first: int
    last: int
    members: tuple[Definition, ...] = ()


def definition_blocks(text: str, media_type: str) -> Outline:
    """Falls back to keywords and indentation where the grammar makes less of a broken source."""
    definitions, whole = find_definitions(text, media_type)
    outline = Outline(text)
    lines = split_lines(text)
    _body(outline, lines, definitions, first=0, last=len(lines), level=1)
    if not whole:
        guessed = code_blocks(text)
        if _names(guessed) > _names(outline):
            return guessed
    return outline


def find_definitions(text: str, media_type: str) -> tuple[tuple[Definition, ...], bool]:
    """What the source defines, and whether all of it could be understood."""
    source = text.encode()
    found: tuple[Definition, ...] = ()
    for module, function in GRAMMARS[media_type]:
        root = _parse(source, _language(module, function))
        if root is not None and not root.has_error:
            return tuple(_definitions(root, 0)), True
        if root is not None:
            found = found or tuple(_definitions(root, 0))
    return found, False


@functools.cache
def _language(module: str, function: str) -> Language:
    from tree_sitter import Language

    return Language(getattr(importlib.import_module(module), function)())


def _parse(source: bytes, language: Language) -> Node | None:
    """The root of the source's tree; None where it takes too long, as only hostile ones do."""
    from tree_sitter import Parser

    ends = time.thread_time() + MAX_SECONDS
    try:
        # read piece by piece: of a source given whole the parser does not ask whether to go on
        tree = Parser(language).parse(
            lambda offset, _: source[offset : offset + _READ],
            progress_callback=lambda *_: time.thread_time() > ends,
        )
    except ValueError:
        return None
    return tree.root_node


def _names(outline: Outline) -> int:
    return len({block.section for block in outline.blocks})


def _definitions(parent: Node, depth: int) -> Iterator[Definition]:
    for node in parent.named_children:
        if node.type in _THROUGH and depth < MAX_DEPTH:
            yield from _definitions(node, depth + 1)
            continue
        inner = _inside(node)
        name = _name(inner) if inner is not None else ""
        if inner is None or not name:
            continue
        body = inner.child_by_field_name("body")
        members: tuple[Definition, ...] = ()
        if inner.type in _WITH_MEMBERS and body is not None and depth < MAX_DEPTH:
            members = tuple(_definitions(body, depth + 1))
        yield Definition(name[:LONGEST_NAME], _first_line(node), _end(node), members)


def _inside(node: Node) -> Node | None:
    """The definition that a node is, or wraps: `export`, decorators, `template <…>`."""
    for _ in range(4):
        if node.type in _WITH_MEMBERS or node.type in _WITHOUT:
            return node
        if node.type not in _AROUND or not node.named_children:
            return None
        node = node.named_children[-1]
    return None


def _name(node: Node) -> str:
    """ "" for what is no definition after all: `const limit = 3`, a forward declaration."""
    kind = node.type
    if kind in ("lexical_declaration", "public_field_definition"):
        holder = node.named_children[-1] if kind == "lexical_declaration" else node
        value = holder.child_by_field_name("value")
        if value is None or value.type not in _FUNCTIONS:
            return ""
        return _text(holder.child_by_field_name("name"))
    if kind == "impl_item":
        of = _text(node.child_by_field_name("type"))
        trait = node.child_by_field_name("trait")
        return f"{_text(trait)} for {of}" if trait is not None else of
    if kind == "type_declaration":  # one or, in parentheses, several
        specs = [child for child in node.named_children if child.child_by_field_name("name")]
        return ", ".join(_text(spec.child_by_field_name("name")) for spec in specs)
    needs_body = kind.endswith("_specifier") or kind == "namespace_definition"
    if needs_body and node.child_by_field_name("body") is None:
        return ""
    named = node.child_by_field_name("name")
    if named is None:
        named = node.child_by_field_name("declarator")
        while named is not None and (inner := named.child_by_field_name("declarator")) is not None:
            named = inner
    if named is None and kind == "operator_declaration":
        named = node.child_by_field_name("operator")
    receiver = _receiver(node)
    return f"{receiver}.{_text(named)}" if receiver else _text(named)


def _receiver(node: Node) -> str:
    """Of a method in Go: the type that has it."""
    parameters = node.child_by_field_name("receiver")
    of = parameters.named_children[0] if parameters and parameters.named_children else None
    of = of.child_by_field_name("type") if of is not None else None
    while of is not None and of.type != "type_identifier" and of.named_children:
        of = of.named_children[0]
    return _text(of)


def _text(node: Node | None) -> str:
    return " ".join((node.text or b"").decode(errors="replace").split()) if node is not None else ""


def _end(node: Node) -> int:
    """The line after the node's last one."""
    return node.end_point.row + (node.end_point.column > 0)


def _first_line(node: Node) -> int:
    """From the comments and attributes that stand directly above."""
    first = node.start_point.row
    above = node.prev_named_sibling
    while above is not None and above.type in _ABOVE and _end(above) == first:
        first = above.start_point.row
        above = above.prev_named_sibling
    return int(first)


def _body(
    outline: Outline,
    lines: list[Line],
    definitions: Sequence[Definition],
    *,
    first: int,
    last: int,
    level: int,
) -> None:
    """Blocks of lines[first:last]: what stands between definitions, and each definition."""
    done = first
    for definition in definitions:
        start = min(max(definition.first, done), last)
        end = min(max(definition.last, start), last)
        add_paragraphs(outline, lines[done:start])
        outline.open(level, definition.name)
        _body(outline, lines, definition.members, first=start, last=end, level=level + 1)
        outline.close(level)
        done = end
    add_paragraphs(outline, lines[done:last])
