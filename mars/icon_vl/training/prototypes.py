"""The connector's prototypes in closed form: linear discriminant analysis of the drawings for training.

    python -m mars.icon_vl.training.prototypes    # how often the nearest prototype is right for a vendor left out

A multilayer perceptron on the features themselves learns the few drawings of each thing by heart; what a drawing is
nearest to holds for other vendors too.
"""

import sys
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mars.icon_vl.model import Prototypes
from mars.icon_vl.training.drawing_sets import SETS
from mars.icon_vl.training.features import WORK, Pictures, joined, read_pictures
from mars.icon_vl.training.things import read_things

SHRINKAGE = 0.3
"""Of the covariance within things towards a multiple of the identity, in mean variances."""
LEFT_OUT = "twemoji"


class Scatter(NamedTuple):
    """How the mean features of drawings are spread."""

    centre: Tensor
    """Mean over things: (channel,)."""
    of_things: Tensor
    """Means of things: (thing, channel)."""
    within: Tensor
    """Each drawing less the mean of its thing: (picture, channel)."""

    @classmethod
    def of(cls, drawings: Pictures, count: int | None = None) -> "Scatter":
        """Of images; count: how many things there are, where the last ones may have no drawing."""
        means = drawings.pooled[:, -1].float()
        of_each = torch.bincount(drawings.things, minlength=count or 0)
        sums = torch.zeros(len(of_each), means.shape[1]).index_add_(0, drawings.things, means)
        of_things = sums / of_each.clamp_min(1)[:, None]
        return cls(of_things[of_each > 0].mean(0), of_things, means - of_things[drawings.things])

    def covariance(self, shrinkage: float) -> Tensor:
        """Within things, with shrinkage mean variances more in every direction: (channel, channel)."""
        found = self.within.T @ self.within / len(self.within)
        found.diagonal().add_(shrinkage * found.diagonal().mean())
        return found


@torch.no_grad()
def set_prototypes(prototypes: Prototypes, drawings: Pictures, classifier: nn.Linear) -> None:
    """Compute all weights.

    drawings: images of things, numbered as the prototypes; classifier: the vision encoder's.
    """
    scatter = Scatter.of(drawings, prototypes.things.out_features)
    whitening = torch.linalg.cholesky(torch.linalg.inv(scatter.covariance(SHRINKAGE)))
    whitened = (scatter.of_things - scatter.centre) @ whitening
    rank = prototypes.discriminants.out_features
    kept = torch.linalg.svd(whitened, full_matrices=False).Vh[:rank]
    discriminants = whitening @ kept.T
    prototypes.discriminants.weight.copy_(discriminants.T)
    prototypes.discriminants.bias.copy_(-scatter.centre @ discriminants)
    prototypes.things.weight.copy_(normalize(whitened @ kept.T, dim=1))
    prototypes.kinds.load_state_dict(classifier.state_dict())


def main() -> None:
    from mars.icon_vl.model import IconVLConfig
    from mars.icon_vl.training.features import shipped_encoder

    names = [thing.name for thing in read_things()]
    of_set = {
        source: read_pictures(WORK / "features", source, names) for source in SETS if SETS[source].role == "train"
    }
    unseen = of_set.pop(LEFT_OUT)
    prototypes = Prototypes(IconVLConfig())
    set_prototypes(prototypes, joined(list(of_set.values())), shipped_encoder().classifier)
    nearest = prototypes(unseen.pooled[:, -1].float())[:, : len(names)].argmax(1)
    right = int((nearest == unseen.things).sum())
    print(f"{LEFT_OUT}: nearest right for {right} of {len(nearest)}, {right / len(nearest):.1%}", file=sys.stderr)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
