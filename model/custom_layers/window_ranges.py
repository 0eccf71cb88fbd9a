"""Bounds that keep the window's arithmetic finite, the same wherever it is computed."""

# log(alpha), log(beta) and log(step of kappa) are held within these, so that exp() stays finite in
# float32 for any weights, also after thousands of steps.
LOG_ALPHA_RANGE = (-10.0, 10.0)
LOG_BETA_RANGE = (-10.0, 10.0)
LOG_KAPPA_STEP_RANGE = (-15.0, 2.0)
PARAMETER_RANGES = (LOG_ALPHA_RANGE, LOG_BETA_RANGE, LOG_KAPPA_STEP_RANGE)
# A component's weight under exp(-60) is exactly zero: nothing to the result, and no denormal
# numbers, which would slow the products many times.
LOG_PHI_FLOOR = -60.0
# A little above exp(LOG_PHI_FLOOR).
PHI_FLOOR = 1e-26
