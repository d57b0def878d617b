"""Depth: 3D joints of one person from windows of 2D image points, in NumPy.

model.py       a whole take (`lift`, `lift_with_error`)
live.py        frame by frame (`lift_live`)
network.py     the neural network, its inputs and outputs
landmarks.py   between the network's 15 joints and the detector's 33 landmarks
knees.py       correction of the network's bias towards bent knees
training/      data, training and evaluation (development only, never imported at run time)

CARD.md is the model card; weights.npz holds the weights.
"""
