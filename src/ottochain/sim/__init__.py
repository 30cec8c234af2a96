"""The simulator: the real cores of consensus on false clocks, networks and disks, driven by one seed.

``./dev simulate`` runs it. A seed decides everything by lot: how large the layers are, what clients send, which faults
strike and when. The same seed gives the same run, in any process and on any machine. A run has two parts: a storm, in
which nothing may go wrong, and a calm, in which everything must come right by itself and then be silent.

Glossary
    plan            what a seed holds; ``plan.command()`` is the command that runs it again
    fault           one thing that goes wrong: of a kind, and numbered within its kind
    strike          a fault happens
    storm, calm     the time in which faults strike, and the time after it
    agenda          the virtual clock: what happens when
    process         one false node: it dies between any two effects, and keeps nothing but its disk
    parcel          what travels between processes
    facts           the state of a false layer after a height
    body            what a proposal's hash stands for
    liar            a Byzantine validator: an honest core with a dishonest mouth
    checker         keeps one invariant; one file each, in ``checkers``
    settled         everything that was asked is done, everywhere
    mark            a rare thing that a campaign must have seen to have tested anything
    campaign        many seeds
    shrinking       leaving faults out while the failure stays

Modules
    world           everything of a run, put together: open this first
    run             one run: storm, calm, verdict
    plan, faults, dice              what chance decides
    agenda, network, disk, process  the false machine
    application     what the false layers decide
    validator       the shell of a validator; global_node (GL0), metagraph_node (ML0 and its outbox)
    l1_node         the shell of a DL1 node
    feed, clients, operator         who follows, who asks, who changes validators
    weather, liar   what goes wrong by itself, and on purpose
    settled, coverage, journals     what is asked at the end
    campaign, shrink                many runs, and smaller ones
"""
