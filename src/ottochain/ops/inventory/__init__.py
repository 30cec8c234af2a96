"""``ottochain.toml`` → a checked ``Deployment``; and the files that ``init`` writes.

Words:

derived
    What follows from the file: names, ports, paths, environment, order. The file says only what differs.
fault
    One thing wrong in the file: its line, what stands there, and how to mend it.
secret
    A reference to where a secret is kept (a file, an environment variable, a command), never its value.
"""
