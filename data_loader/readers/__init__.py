"""Readers, one module a format; importing this package registers them all."""

from data_loader.readers import auto, iam_ondb, inkml, pendigits, strokes_npy, synthetic, unipen

__all__ = ["auto", "inkml", "iam_ondb", "pendigits", "strokes_npy", "synthetic", "unipen"]
