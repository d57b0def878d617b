"""The command line: one module per subcommand, and what they share.

main.py             the Typer application; `mocap.__main__` calls it
options.py          option types that several subcommands share
console.py          printing, progress bars, warnings
summaries.py        sentences about what was read and written
clips.py            `mocap bake` of many clips
doctor_checks.py    the checks of `mocap doctor`
drawing.py          the picture of `mocap rigs inspect --picture`
page_address.py     the page's address and the QR code for phones
interrupts.py       Ctrl-C
"""
