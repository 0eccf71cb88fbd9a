"""Corpora and batches of them; importing the package registers data loaders and readers."""

from base.components import import_components

import_components("data_loader.readers")
import_components("data_loader")
