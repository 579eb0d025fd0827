"""One visual language: colour says harmful or harmless, shape says modality, line style says before or after.

Figures are made in the light colours. `DARK_FOR_LIGHT` says which colour takes the place of which when the page
is dark, so that a chart follows the theme without being made anew.
"""

LIGHT = {
    "ink": "#1c1b1a",
    "muted": "#625e58",
    "rule": "#e3dfd8",
    "surface": "#fefdfc",
    "harmful": "#b84a00",
    "harmless": "#006ba8",
    "neutral": "#87827b",
    "full": "#938e87",
    "harmful_band": "rgba(184, 74, 0, 0.13)",
    "harmless_band": "rgba(0, 107, 168, 0.13)",
    "shade": "rgba(28, 27, 26, 0.05)",
    "selected": "rgba(28, 27, 26, 0.10)",
    "harmful_veil": "rgba(184, 74, 0, 0.82)",
    "harmful_clear": "rgba(184, 74, 0, 0.02)",
    "harmless_veil": "rgba(0, 107, 168, 0.82)",
    "harmless_clear": "rgba(0, 107, 168, 0.02)",
}
"""Vermillion and blue differ in lightness and hue under every common colour-vision deficiency; "full" is the end of a
scale on which numbers in ink can still be read."""

DARK = {
    "ink": "#ece9e4",
    "muted": "#a8a39c",
    "rule": "#32363c",
    "surface": "#1b1e22",
    "harmful": "#f0935a",
    "harmless": "#5cb3ea",
    "neutral": "#8f8a83",
    "full": "#5f6369",
    "harmful_band": "rgba(240, 147, 90, 0.20)",
    "harmless_band": "rgba(92, 179, 234, 0.18)",
    "shade": "rgba(236, 233, 228, 0.06)",
    "selected": "rgba(236, 233, 228, 0.14)",
    "harmful_veil": "rgba(240, 147, 90, 0.82)",
    "harmful_clear": "rgba(240, 147, 90, 0.02)",
    "harmless_veil": "rgba(92, 179, 234, 0.82)",
    "harmless_clear": "rgba(92, 179, 234, 0.02)",
}

DARK_FOR_LIGHT = {LIGHT[role]: DARK[role] for role in LIGHT}

TRANSPARENT = "rgba(0, 0, 0, 0)"

SYMBOLS = {"text": "circle", "image": "square", "video": "triangle-up"}
"""Marker of each modality."""
CROSSED = {"circle": "circle-x-open", "square": "square-x-open", "triangle-up": "triangle-up-open-dot"}
"""Marker of a strategy that breaks the model, by what it would be: open and crossed, which no triangle can be."""
STAR = "star"
"""Marker of what this visit asked."""

SANS = "'IBM Plex Sans', ui-sans-serif, system-ui, sans-serif"
