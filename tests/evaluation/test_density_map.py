"""The sum of predicted densities along a line, and its picture."""

import math

import numpy as np
import pytest
import torch

from evaluation.density_map import density_map, in_units_of_corpus
from handwriting.ink.normalisation import Normalisation
from model.mixture import BivariateMixture
from utils.figures.density import density_figure

# A square, drawn in four steps of one unit; the pen is lifted before the last.
STROKES = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 0], [1, 0, -1]], dtype=np.float32)


def mixtures(sigma: float, means: np.ndarray) -> BivariateMixture:
    """Two components, at the means ``[T-1, 2]``, one with three times the weight of the other."""
    steps = len(means)
    pair = torch.tensor(means, dtype=torch.float32).unsqueeze(1).expand(-1, 2, -1)
    return BivariateMixture(
        log_weights=torch.tensor([0.75, 0.25]).log().expand(steps, 2),
        means=pair,
        log_sigmas=torch.full((steps, 2, 2), math.log(sigma)),
        correlation_logits=torch.zeros(steps, 2),
        end_of_stroke_logits=torch.zeros(steps),
    )


def test_each_step_adds_a_density_that_integrates_to_one() -> None:
    strokes = np.repeat(STROKES, 4, axis=0)[3:] / np.array([1, 4, 4], dtype=np.float32)
    # The margin is a twentieth of the square's width: four standard deviations.
    found = density_map(mixtures(0.0125, strokes[1:, 1:]), strokes, columns=700)
    pixel = (found.right - found.left) / found.values.shape[1]
    assert found.values.sum() * pixel**2 == pytest.approx(len(strokes) - 1, rel=1e-3)


def test_density_lies_where_the_pen_was_expected() -> None:
    expected = STROKES[1:, 1:] / 2  # halfway along each step
    found = density_map(mixtures(0.02, expected), STROKES, columns=400)
    pixel = (found.right - found.left) / found.values.shape[1]

    def at(x: float, y: float) -> float:
        return found.values[int((y - found.bottom) / pixel), int((x - found.left) / pixel)]

    peak = 1 / (2 * math.pi * 0.02**2)
    for place in ((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)):
        assert at(*place) == pytest.approx(peak, rel=0.03)
    assert at(0.5, 0.5) == 0
    np.testing.assert_allclose(found.points[-1], (0, 0), atol=1e-6)
    np.testing.assert_allclose(found.weights, [[0.75, 0.25]] * 4, rtol=1e-6)


def test_pixels_are_square_whatever_the_shape_of_the_line() -> None:
    flat = STROKES * np.array([1, 1, 0.01], dtype=np.float32)
    found = density_map(mixtures(0.01, flat[1:, 1:]), flat, columns=200)
    rows, columns = found.values.shape
    assert (found.top - found.bottom) / rows == pytest.approx((found.right - found.left) / columns)


def test_densities_in_the_units_of_the_corpus_are_those_of_normalised_offsets() -> None:
    normalisation = Normalisation(mean=(8.0, -0.5), std=(40.0, 35.0))
    normalised = mixtures(0.3, np.array([[0.5, -1.0], [2.0, 0.1]]))
    strokes = np.array([[0, 21.0, -30.0], [1, 100.0, 9.0]], dtype=np.float32)
    inside = torch.from_numpy(normalisation.normalise(strokes))
    expected = normalised.log_prob(inside) - normalisation.log_scale
    found = in_units_of_corpus(normalised, normalisation).log_prob(torch.from_numpy(strokes))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("sigma", [1e-6, 1e5])
def test_very_sharp_and_very_wide_densities_stay_finite(sigma: float) -> None:
    found = density_map(mixtures(sigma, STROKES[1:, 1:]), STROKES, columns=100)
    assert np.isfinite(found.values).all()


def test_the_picture_has_the_densities_the_ink_and_the_weights() -> None:
    found = density_map(mixtures(0.02, STROKES[1:, 1:]), STROKES, columns=100)
    figure = density_figure(found, "a square")
    densities, weights = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_array_equal(densities, found.values)
    np.testing.assert_array_equal(weights, found.weights.T)
    strokes = figure.axes[0].collections[0].get_segments()
    assert [len(stroke) for stroke in strokes] == [4, 1]
    assert [text.get_text() for text in figure.texts] == ["a square"]
