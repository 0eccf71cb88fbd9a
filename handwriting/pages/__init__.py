"""Pages of handwriting from lines written one by one, and the files they go to."""

from handwriting.formats.page_files import FORMATS, parse_formats, write_pages
from handwriting.pages.aligned_text import WrittenLine, split_text
from handwriting.pages.layout import Layout, layout_pages
from handwriting.pages.options import GcodeOptions, GifOptions, PageOptions, WriteOptions
from handwriting.pages.page import Page, PageLine

__all__ = [
    "FORMATS",
    "GcodeOptions",
    "GifOptions",
    "Layout",
    "Page",
    "PageLine",
    "PageOptions",
    "WriteOptions",
    "WrittenLine",
    "layout_pages",
    "parse_formats",
    "split_text",
    "write_pages",
]
