"""L2-regularised logistic regressions, many at once: one per cell and per set of labels.

For two labels the classical one: minimised is Σ log(1 + exp(±(w · x + b))) + ½ · l2 · ‖w‖² over the
prompts that are fitted on; for more labels the multinomial one with a weight vector for each, and
½ · l2 · Σ‖w‖². No penalty on the biases b. These are scikit-learn's with C = 1 / l2.

The weights lie in the span of the activations, so that everything is done in its principal
coordinates, without loss. There Newton's method finds the minimum, each step by conjugate gradients
that have the curvature's diagonal as their preconditioner; all in float64 on the CPU. A problem
stops by itself when its gradient is nothing, so that its neighbours in a batch change no number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

MAX_STEPS = 60
"""Newton's steps at most; where they do not reach the minimum, the result says so."""
GRADIENT = 1e-8
"""The largest component of the summed loss' gradient at what counts as a minimum."""
_MAX_PRODUCTS = 400
_HALVINGS = 40
_ENOUGH = 1e-4  # Armijo's: of the decrease that the slope promises
_ROUNDING = 1e-13
_CUT = 1e-14  # squared singular values below this share of the largest are rounding
_SAME = 1e-6  # a spread below this share of the values is rounding of float32
_LEAST = 1e-300
_NOTHING = 1e-6  # scores that are no farther apart are what the solver leaves over


@dataclass(frozen=True)
class Fits:
    """What was fitted in some cells, for each set of labels: the true ones first.

    Attributes:
        said: `[cells, tasks, N]`, the label that each says of each prompt.
        direction: `[cells, d]`, unit, in the activations' own coordinates, of the true labels; NaN
            where there is none: the probe gives all prompts one score.
        found: `[cells, tasks]`, whether the minimum was found.
        finite: `[cells]`, whether the activations are numbers at all.
    """

    said: torch.Tensor
    direction: torch.Tensor
    found: torch.Tensor
    finite: torch.Tensor


def fit(
    values: torch.Tensor, fitted: torch.Tensor, labels: torch.Tensor, classes: int, l2: float
) -> Fits:
    """Fit each cell to each set of labels.

    Args:
        values: Activations `[N, cells, d]`.
        fitted: `[N]`, which prompts are fitted on; mean and spread are of these alone.
        labels: `[tasks, N]`.
        classes: How many labels there are.
        l2: The penalty.
    """
    x = values.transpose(0, 1).to(torch.float64)
    finite = torch.isfinite(x).flatten(1).all(1)
    x = torch.where(finite[:, None, None], x, torch.zeros(()).to(x))
    x, scale = _standardised(x, fitted)
    basis = _basis(x[:, fitted])
    z = torch.cat([x @ basis, x.new_ones(*x.shape[:2], 1)], -1)
    penalty = x.new_full((z.shape[-1], 1, 1), l2)
    penalty[-1] = 0
    problem = _Problem(z[:, fitted], _targets(labels[:, fitted], classes).to(x), penalty)
    weights, found = problem.solve()
    scores = _times(z, weights)
    said = _said(scores)
    own = weights[:, :-1, 0]
    along = own[..., 0] if classes == 2 else own[..., 1] - own[..., 0]
    direction = (basis @ along[..., None])[..., 0] / scale
    size = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
    tells = (z[..., :-1] @ along[..., None]).abs().amax(1) > _NOTHING
    direction = torch.where(tells, direction / size.clamp_min(_LEAST), torch.nan)
    direction[~finite] = torch.nan
    return Fits(said.transpose(1, 2), direction, found, finite)


def _said(scores: torch.Tensor) -> torch.Tensor:
    """Return the label of the highest score; of scores that are the same, the first."""
    if scores.shape[-1] == 1:
        return (scores[..., 0] > _NOTHING).long()
    # The first of what is nearly the highest; `argmax` of equal numbers may be any of them.
    near = scores >= scores.amax(-1, keepdim=True) - _NOTHING
    order = torch.arange(scores.shape[-1], 0, -1)
    return (near * order).argmax(-1)


def _standardised(x: torch.Tensor, fitted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return activations less the fitted prompts' mean, over their spread, and that spread.

    Where a number is the same in all of them it tells nothing, and its spread counts as endless.
    """
    some = x[:, fitted]
    mean, spread = some.mean(1, keepdim=True), some.std(1, correction=0, keepdim=True)
    largest = some.abs().amax(1, keepdim=True)
    scale = torch.where(spread > _SAME * largest, spread, torch.inf)
    return (x - mean) / scale, scale[:, 0]


def _basis(x: torch.Tensor) -> torch.Tensor:
    """Return `[cells, d, r]`: an orthonormal basis of what the rows span, by principal axes."""
    n, d = x.shape[1:]
    if n > d:
        _squares, axes = torch.linalg.eigh(x.mT @ x)
        found: torch.Tensor = axes
        return found
    squares, left = torch.linalg.eigh(x @ x.mT)
    squares = squares.clamp_min(0)
    there = squares > _CUT * squares.amax(1, keepdim=True)
    sizes = torch.where(there, squares, torch.inf).rsqrt()
    spanned: torch.Tensor = x.mT @ (left * sizes[:, None])
    return spanned


def _targets(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return `[n, tasks, columns]`: 1 at each prompt's label; of two labels the second's alone."""
    hot = torch.nn.functional.one_hot(labels.T, classes)
    return hot[..., 1:] if classes == 2 else hot


class _Problem:
    """Regressions that share their activations cell by cell.

    Tensors of weights are `[cells, r + 1, tasks, columns]`, those of scores `[cells, n, tasks,
    columns]`; a number for each problem is `[cells, 1, tasks, 1]`.
    """

    def __init__(self, z: torch.Tensor, targets: torch.Tensor, penalty: torch.Tensor) -> None:
        self._z, self._y, self._penalty = z, targets, penalty
        self._squares = z.square()

    def solve(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weights, and whether each is at its minimum `[cells, tasks]`."""
        cells, _n, width = self._z.shape
        weights = self._z.new_zeros(cells, width, *self._y.shape[1:])
        scores = self._scores(weights)
        first: torch.Tensor | None = None
        for _step in range(MAX_STEPS):
            chance = self._chances(scores)
            slope = self._back(chance - self._y) + self._penalty * weights
            size = slope.abs().amax((1, 3), keepdim=True)
            first = size if first is None else first
            active = size > GRADIENT
            if not active.any():
                return weights, (~active)[:, 0, :, 0]
            # The closer the minimum, the more exact the step: convergence stays quadratic.
            share = (size / first.clamp_min(_LEAST)).sqrt().clamp_max(0.1)
            move = self._step(chance, slope, active, share)
            along = self._scores(move)
            length = self._length((weights, scores), (move, along), slope)
            weights, scores = weights + length * move, scores + length * along
        slope = self._back(self._chances(scores) - self._y) + self._penalty * weights
        return weights, slope.abs().amax((1, 3)) <= GRADIENT

    def _scores(self, weights: torch.Tensor) -> torch.Tensor:
        return _times(self._z, weights)

    def _back(self, scores: torch.Tensor) -> torch.Tensor:
        return _times(self._z.mT, scores)

    def _chances(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.sigmoid() if scores.shape[-1] == 1 else scores.softmax(-1)

    def _loss(self, weights: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if scores.shape[-1] == 1:
            most = torch.nn.functional.softplus(scores)
        else:
            most = scores.logsumexp(-1, keepdim=True)
        data = most.sum((1, 3), keepdim=True) - (self._y * scores).sum((1, 3), keepdim=True)
        return data + 0.5 * (self._penalty * weights.square()).sum((1, 3), keepdim=True)

    def _curved(self, chance: torch.Tensor, move: torch.Tensor) -> torch.Tensor:
        """Return the Hessian times a move."""
        along = self._scores(move)
        mean = chance * along if chance.shape[-1] == 1 else (chance * along).sum(-1, keepdim=True)
        return self._back(chance * (along - mean)) + self._penalty * move

    def _step(
        self, chance: torch.Tensor, slope: torch.Tensor, active: torch.Tensor, share: torch.Tensor
    ) -> torch.Tensor:
        """Return Newton's step by conjugate gradients, until the rest is that share of the slope.

        Problems that are not active stay where they are.
        """
        curved = chance * (1 - chance)
        diagonal = _times(self._squares.mT, curved)
        inverse = 1 / (diagonal + self._penalty).clamp_min(_LEAST)
        move, rest = torch.zeros_like(slope), -slope
        eased = inverse * rest
        way, product = eased, _dot(rest, eased)
        enough = share * _dot(slope, slope).sqrt()
        for _product in range(_MAX_PRODUCTS):
            working = active & (_dot(rest, rest).sqrt() > enough)
            if not working.any():
                break
            turned = self._curved(chance, way)
            bend = _dot(way, turned)
            length = torch.where(working & (bend > 0), product / bend.clamp_min(_LEAST), 0.0)
            move, rest = move + length * way, rest - length * turned
            eased = inverse * rest
            following = _dot(rest, eased)
            way = eased + torch.where(working, following / product.clamp_min(_LEAST), 0.0) * way
            product = following
        return torch.where(active, move, 0.0)

    def _length(
        self,
        at: tuple[torch.Tensor, torch.Tensor],
        move: tuple[torch.Tensor, torch.Tensor],
        slope: torch.Tensor,
    ) -> torch.Tensor:
        """Return how far each goes: halved until the loss falls by a share of what was promised."""
        before, promised = self._loss(*at), _dot(slope, move[0])
        slack = _ROUNDING * before.abs().clamp_min(1.0)
        length = torch.ones_like(promised)
        for _halving in range(_HALVINGS):
            there = self._loss(at[0] + length * move[0], at[1] + length * move[1])
            short = there > before + _ENOUGH * length * promised + slack
            if not short.any():
                break
            length = torch.where(short, length / 2, length)
        return length


def _times(matrix: torch.Tensor, some: torch.Tensor) -> torch.Tensor:
    """Return `[cells, a, b]` times `[cells, b, tasks, columns]`."""
    found = matrix @ some.flatten(2)
    return found.reshape(*found.shape[:2], *some.shape[2:])


def _dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one * other).sum((1, 3), keepdim=True)
