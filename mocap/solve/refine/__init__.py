"""The bake's optimiser: the motion of one body that best explains the image points of a take.

search.py       the search over windows of the take (`refine_landmarks`)
fit.py          one Gauss–Newton step: the normal equations and their solution
costs.py        the residuals of one frame, and their derivatives
sight.py        image points of one or several cameras, and their residuals
ground.py       the floor, and what stands on it
limits.py       joints that do not bend backwards
smoothness.py   third derivatives
body.py         sixteen bones, their landmarks and lengths
banded.py       the solver of the normal equations
"""

from mocap.solve.refine.search import Prior, Refined, refine_landmarks

__all__ = ["Prior", "Refined", "refine_landmarks"]
