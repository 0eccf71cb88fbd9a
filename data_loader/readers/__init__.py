"""Readers, one module a format; importing this package registers them all."""

from data_loader.readers import auto, iam_ondb, inkml, strokes_npy, synthetic

__all__ = ["auto", "inkml", "iam_ondb", "strokes_npy", "synthetic"]
