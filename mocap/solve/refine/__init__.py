"""The bake's optimiser: fits the motion of one body to the image points of a take.

search.py       the search over windows of the take (`refine_landmarks`)
fit.py          one Gauss–Newton step: the normal equations and their solution
costs.py        the residuals of one frame, and their derivatives
sight.py        image points of one or several cameras, and their residuals
ground.py       the floor, and the contacts with it
limits.py       limits of joints
smoothness.py   the cost of third derivatives
body.py         the optimiser's body: sixteen bones, their landmarks and lengths
banded.py       the solver of the normal equations
"""

from mocap.solve.refine.search import Prior, Refined, refine_landmarks

__all__ = ["Prior", "Refined", "refine_landmarks"]
