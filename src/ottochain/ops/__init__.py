"""The operator: it brings up, watches and changes a deployment, through what any operator has: files, processes, HTTP.

Words:

deployment
    The nodes described by one ``ottochain.toml``, with the state kept beside it in ``.ottochain/``.
engine
    What a node runs, as a description: run modes, command line, environment, floors.
runtime
    Where a node runs and how it is started, stopped and recognised.
fact, observation
    Something seen at one time; an observation is a picture of all of them. What could not be seen is *unknown*,
    never *down*.
step, plan
    A step is one change as data, with the sentence an operator reads; a plan is steps in their order.
gate
    What must be observed before the next step, with a deadline that progress extends.
lease
    The one lock a change of the deployment holds.
chain record
    ``.ottochain/chain.json``: whether the chain is being founded or was founded, and its token.
token
    The metagraph's id: an address derived from its genesis.
"""
