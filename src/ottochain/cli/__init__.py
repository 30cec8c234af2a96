"""Words in, sentences out: the ``ottochain`` command.

A command's module is imported when the command is used, not before; what draws (rich) or talks to nodes is imported
inside the functions that do so. Standard output carries the result, standard error the talk; ``--json`` changes the
form of a result and never its content.
"""
