"""What a fit finds in one model: direction, re-centering, layer choice, calibration, effect of steering."""
