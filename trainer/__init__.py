"""The training loop and its parts; importing the package registers optimizers and schedules."""

from base.components import import_components

import_components("trainer")
