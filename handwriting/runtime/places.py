"""Places of values among the states of a stack of layers, for products without copies.

Lines are columns. All that the products of a step read stands in one matrix of states: the outputs
of the layers, and between them the "side", which is what every layer gets: the pen step, the
window, and a one, whose weight is the bias. The order

    h1  side  h2  |  h3  side  h4  |  h5  side  ...

has in one piece whatever a layer reads (side, output of the layer below, its own last output), so
that a layer is one product and nothing is moved in between.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """Places of values among the states; see the module. Layers count from 0."""

    num_layers: int
    hidden_size: int
    side_size: int

    @property
    def num_sides(self) -> int:
        """Number of times that the side is there."""
        return (self.num_layers + 1) // 2

    @property
    def period(self) -> int:
        """From one side to the next."""
        return 2 * self.hidden_size + self.side_size

    @property
    def width(self) -> int:
        """``W``, size of all states."""
        return self._start(self.num_layers)

    def hidden(self, layer: int) -> slice:
        """A layer's output."""
        start = self._start(layer)
        return slice(start, start + self.hidden_size)

    def side(self, layer: int) -> slice:
        """The side that a layer reads."""
        start = layer // 2 * self.period + self.hidden_size
        return slice(start, start + self.side_size)

    def one(self, layer: int) -> int:
        """The one in that side, its last place."""
        return int(self.side(layer).stop) - 1

    def read(self, layer: int) -> slice:
        """All that a layer reads."""
        return slice(self._start(max(layer - 1, 0)), self._start(layer + 1))

    def _start(self, layer: int) -> int:
        return layer * self.hidden_size + (layer + 1) // 2 * self.side_size
