"""What observations mean: each check is a pure function from what was seen to findings. Nothing here looks or acts.

Words:

finding
    What one check says of one subject (a layer, a node, the machine): a level, the evidence, and the next command.
level
    ``ok``; ``note`` (worth knowing, nothing is wrong); ``unknown`` (could not be seen, and so has not passed);
    ``degraded`` (something is wrong, the network works); ``down`` (a layer can't do its work).
verdict
    The word for all findings together: healthy, degraded or down.
"""
