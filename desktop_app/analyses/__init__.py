"""One folder per analysis, and everything about it in that folder.

`spec` is what is asked and answered, `run` computes it (torch, no Qt), `picture` turns a Result
into pictures and words (numpy alone), `view` shows them (Qt, no torch), `script` repeats them.
Slices know nothing of one another; what two need stands in `methods`, `pictures` or `contract`.
"""
