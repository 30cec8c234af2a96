"""What a node must not lose: one SQLite file per node, written by one thread.

Glossary
--------
write
    A function that gets the writer's connection. Writes asked for in the same tick of the event loop share one
    transaction; each stands in its own savepoint, so one that fails takes nothing of its neighbours with it.
acknowledged
    A write whose ``await`` has returned: SQLite's COMMIT returned before it, and with ``synchronous=FULL`` COMMIT
    returns after the write-ahead log is synced. Acknowledged writes survive ``kill -9`` and power loss.
read
    A query on the loop thread's own connection. It sees every acknowledged write and nothing that is not yet durable.
copy
    A second file, consistent as of one instant, made while the node runs. It holds no vote records: those belong to
    one disk and are never copied, moved or restored.
pool
    Items that were acknowledged to somebody and are not decided yet. Authoritative data.
outcome
    What an update came to: Accepted or Rejected, at which ordinal, why. Written with the snapshot that decided it.
outbox
    Binaries of this metagraph that the global layer has not confirmed yet.
"""
