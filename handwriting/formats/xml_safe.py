"""XML from strangers: well-formed or refused with the line number, and no entity is ever expanded.

Expat is used directly. It is the fastest parser that Python carries, it stops at the first fault,
and it fetches nothing from outside the document. What is left to forbid is a document's own
declarations: of entities, or of attributes that each element gets, a few lines can expand to
gigabytes; long names of namespaces, which stand for every prefix; and elements in one another
without end, since readers look at those around one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from handwriting.quoting import printable, quoted

MOST_DEEP = 256
"""Elements inside each other; documents of ink have a dozen."""

_LONGEST_NAMESPACE = 1000
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(Exception):
    """An XML document that cannot be used; the message says where in it and why.

    Attributes:
        reason: the kind of fault, in a few words, the same for all faults of a kind.
    """

    def __init__(self, message: str, reason: str = "unusable value in XML") -> None:
        super().__init__(message)
        self.reason = reason


def xml_parser(**settings: Any) -> expat.XMLParserType:
    """An expat parser that refuses documents which declare anything or need entities."""
    parser = expat.ParserCreate(**settings)

    def refuse_subset(_: str, __: str | None, ___: str | None, has_subset: int) -> None:
        if has_subset:
            message = f"line {parser.CurrentLineNumber}: a DOCTYPE with declarations is not allowed"
            raise BadXml(message, "declaration in XML")

    def refuse_long(_: str | None, name: str | None) -> None:
        if len(name or "") > _LONGEST_NAMESPACE:
            where = f"line {parser.CurrentLineNumber}"
            raise BadXml(f"{where}: the name of a namespace has {len(name or ''):,} characters")

    def refuse(name: str, *_: Any) -> None:
        message = f"line {parser.CurrentLineNumber}: entity {quoted(name)} is not allowed"
        raise BadXml(message, "entity in XML")

    parser.StartDoctypeDeclHandler = refuse_subset
    parser.StartNamespaceDeclHandler = refuse_long
    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = refuse
    return parser


def parse_xml(parser: expat.XMLParserType, data: bytes) -> None:
    """Run ``parser`` over a whole document.

    Raises:
        BadXml: when the document is not well-formed, or a handler raised ``KeyError`` (an attribute
            is missing) or ``ValueError`` (a value is not what it must be).
    """
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"line {error.lineno}: malformed XML: {expat.ErrorString(error.code)}"
        raise BadXml(message, "malformed XML") from None
    except KeyError as error:
        raise BadXml(f"line {parser.CurrentLineNumber}: no attribute {error}") from None
    except (ValueError, LookupError) as error:
        raise BadXml(f"line {parser.CurrentLineNumber}: {printable(str(error)[:200])}") from None


@dataclass(slots=True)
class Node:
    """An element: its name without the namespace, and the line of the file it starts on."""

    name: str
    attributes: dict[str, str]
    line: int
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The character data directly inside the element."""
        return "".join(self.pieces)

    def named(self, *names: str) -> "Iterator[Node]":
        """The direct children with one of these names."""
        return (child for child in self.children if child.name in names)

    def everything(self) -> "Iterator[Node]":
        """The element and all that is inside it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def xml_tree(data: bytes) -> Node:
    """The root element of a document.

    Attributes keep a prefixed name's local part only (``xml:id`` is ``id``).

    Raises:
        BadXml: when the document is not well-formed, declares anything or is nested too deep.
    """
    parser = xml_parser(namespace_separator=" ")
    document = Node("", {}, 0)
    open_nodes = [document]

    def start(name: str, attributes: dict[str, str]) -> None:
        local = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        parent = open_nodes[-1]
        if len(open_nodes) > MOST_DEEP:
            where = f"line {parser.CurrentLineNumber}"
            raise BadXml(f"{where}: elements are inside each other {MOST_DEEP} deep at most")
        node = Node(name.rpartition(" ")[2], local, parser.CurrentLineNumber, parent)
        parent.children.append(node)
        open_nodes.append(node)

    def end(_: str) -> None:
        open_nodes.pop()

    def characters(text: str) -> None:
        open_nodes[-1].pieces.append(text)

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parse_xml(parser, data)
    return document.children[0]


def xml_text(node: Node) -> str:
    """Return an element as XML, without namespaces. Text between elements in it stands before them
    all, as ``Node`` keeps it.
    """
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in node.attributes.items())
    inside = escape(node.text) + "".join(map(xml_text, node.children))
    return (
        f"<{node.name}{attributes}>{inside}</{node.name}>"
        if inside
        else f"<{node.name}{attributes}/>"
    )


def xml_characters(text: str) -> str:
    """Return a text with ``?`` in place of the characters that XML cannot hold."""
    return NOT_XML.sub("?", text)
