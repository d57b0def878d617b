"""A take's joint angles as a page: ranges of motion, repetitions, left against right.

repetitions.py finds repetitions in an angle, figure.py draws curves and stick figures as SVG,
page.py puts the page together.
"""
