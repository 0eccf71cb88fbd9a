"""Pages of handwriting, laid out from lines that were written one by one."""

from handwriting.pages.aligned_text import AlignedLine, split_text
from handwriting.pages.layout import Layout, layout_pages
from handwriting.pages.options import GcodeOptions, GifOptions, PageOptions, WriteOptions
from handwriting.pages.page import Page, PageLine
from handwriting.pages.paper import paper_size

__all__ = [
    "GcodeOptions",
    "GifOptions",
    "Layout",
    "Page",
    "PageLine",
    "PageOptions",
    "WriteOptions",
    "AlignedLine",
    "layout_pages",
    "paper_size",
    "split_text",
]
