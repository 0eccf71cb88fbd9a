"""Readers of corpora: a file each, registered by importing ``data_loader``."""
