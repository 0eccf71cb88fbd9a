"""Pages of handwriting from lines written one by one, and the files they go to."""

from utils.pages.layout import Layout, layout_pages
from utils.pages.options import GcodeOptions, GifOptions, PageOptions, WriteOptions
from utils.pages.page import Page, PageLine
from utils.pages.writer import FORMATS, parse_formats, write_pages
from utils.pages.written import WrittenLine, split_text

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
