"""MARS: modality-agnostic refusal steering (D'Incà, Mancini, Sebe, arXiv 2606.31876).

Stated by the paper: activations are re-centred by a neutral mean; a ReLU gate amplifies only what is positively
aligned with the refusal direction; the strength adapts inside a trust region that the text data cover, from
the distances to the two text centroids; it acts at the first generated token. The formulas are not public in
any text we could read: those below are our reconstruction.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from mars.geometry.recentering import recenter
from mars.steering.base import Edit, check_gain, step
from mars.types import Geometry

Form = Literal["amplification", "gap", "traversal", "constant"]


@dataclass(frozen=True)
class Mars:
    """min(wanted, room) along r^, where the re-centred hidden state lies beyond harmless text.

    With h~ = h - b, sigma = <h~ - mu-, r^>, d- and d+ the distances of h~ to mu- and mu+:
    room = max(rho - sigma, 0), and wanted is, by form,

    - "amplification" (default): gain * a * 2 d- / (d- + d+) * ReLU(sigma - gate_threshold), a being the
      geometry's amplification, continuous at the zero;
    - "gap": gain * max(<mu+ - h~, r^>, 0) where sigma > gate_threshold; jumps there;
    - "traversal": gain * ReLU(cos(h~ - mu-, r^)) * d+ where sigma > gate_threshold; jumps there where it is above 0;
    - "constant": gain * R / 2 for every input, whatever sigma: MARS without its gate.

    All of them keep sigma' <= max(rho, sigma), are never negative, and follow a rotation of the space.
    """

    geometry: Geometry
    gain: float = 1.0
    """Multiplies the strength; finite and not negative: this project steers towards refusal only."""
    gate_threshold: float = 0.0
    """Where the gate begins, in units of sigma: 0 is the harmless centroid, `geometry.harmless_q99` a later one."""
    form: Form = "amplification"
    use_trust_region: bool = True
    """Whether the trust region bounds the step; False is an ablation."""

    def __post_init__(self) -> None:
        check_gain(self.gain)

    def __call__(self, hidden: Tensor) -> Edit:
        """hidden: (row, d_model) -> edit along r^, strength (row,) in units of the residual stream."""
        geometry = self.geometry.to(hidden.device)
        direction = geometry.direction
        centered = recenter(hidden.float(), geometry.bias)
        sigma = (centered - geometry.mean_harmless) @ direction
        wanted = self._wanted(geometry, centered, sigma)
        if self.use_trust_region:
            wanted = wanted.minimum((geometry.radius - sigma).clamp_min(0))
        return step(hidden, wanted, direction)

    def sigma(self, hidden: Tensor) -> Tensor:
        """<h~ - mu-, r^>: distance of re-centred states beyond harmless text. (row, d_model) -> (row,)."""
        geometry = self.geometry.to(hidden.device)
        return (recenter(hidden.float(), geometry.bias) - geometry.mean_harmless) @ geometry.direction

    def _wanted(self, geometry: Geometry, centered: Tensor, sigma: Tensor) -> Tensor:
        """Strength before the trust region: (row,)."""
        if self.form == "constant":
            return sigma.new_full(sigma.shape, self.gain * geometry.length / 2)
        beyond = (sigma - self.gate_threshold).clamp_min(0)
        to_harmless = (centered - geometry.mean_harmless).norm(dim=-1)
        to_harmful = (centered - geometry.mean_harmful).norm(dim=-1)
        if self.form == "amplification":
            share = 2 * to_harmless / (to_harmless + to_harmful)
            return self.gain * geometry.amplification * share * beyond
        is_open = (beyond > 0).float()
        if self.form == "gap":
            return is_open * self.gain * ((geometry.mean_harmful - centered) @ geometry.direction).clamp_min(0)
        cosine = (sigma / to_harmless.clamp_min(1e-12)).clamp_min(0)
        return is_open * self.gain * cosine * to_harmful
