"""The networks, their losses and their metrics; importing the package registers them."""

from base.components import import_components

import_components("model")
