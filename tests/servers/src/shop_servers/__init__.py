"""Real servers for tests, as processes on free loopback ports.

One host process owns a set of servers and answers on a Unix socket: it starts what is asked
for, in parallel and once, and takes everything with it when it ends. A test run has a set of its
own, unless a kept one is up (`python -m shop_servers up`). A test that breaks servers takes the
run's breakable set, never the shared one.
"""
