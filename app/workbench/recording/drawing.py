"""The clouds of a recording, drawn as those of a model in memory are."""

from collections.abc import Sequence

import numpy as np

from ...results import Asked, Picture, RequestError
from ..pictures import VIEWS
from .kept import KeptClouds, KeptPlace


def picture(
    clouds: KeptClouds, view: str, layer: int, asked: Sequence[Asked], places: Sequence[KeptPlace]
) -> Picture:
    """Twin panels of one layer, with prompts as stars. places: where each prompt lies. Raises RequestError."""
    if view not in VIEWS:
        raise RequestError(f"There is no view “{view}”; choose one of {', '.join(clouds.views)}.")
    standing_in = "" if view in clouds.views else "UMAP was not recorded; the refusal-axis view stands in."
    view = view if view in clouds.views else "axis"
    found = clouds.views[view]
    stars = np.array([place.views[view] for place in places], np.float32)
    stars = stars.reshape(-1, len(found.points), 2, 2).transpose(1, 2, 0, 3)
    is_followed = view != "umap"  # fits of two layers cannot be compared
    return Picture(
        before=found.points[layer, 0],
        after=found.points[layer, 1],
        modalities=clouds.modalities,
        labels=clouds.labels,
        titles=clouds.titles,
        thumbnails=clouds.thumbnails,
        stars_before=stars[layer, 0],
        stars_after=stars[layer, 1],
        star_titles=tuple(one.title for one in asked),
        star_thumbnails=tuple(one.thumbnail for one in asked),
        axes=found.axes[layer],
        caption=found.caption,
        trustworthiness=tuple(found.trustworthiness[layer].tolist()),
        standing_in=standing_in,
        path=found.points if is_followed else None,
        star_path=stars if is_followed else None,
    )
