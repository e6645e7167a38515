"""
A random walk of faults over a stack of its own, and the proof that nothing was lost or counted twice.

    walk       what happens, in which order: decided by the seed alone
    stand      the stack of its own, and the processes that are its victims
    disk       a small disk under the lake, that can be filled
    traffic    orders that arrive all the time, and bursts of special ones
    actions    carries an action out
    publisher  publishing as a process of its own, which can be killed
    recovery   how long it took until the stream closed batches again
    healing    ends every fault and waits until everything is in the lake
    run        all of it
    report     the table at the end
"""
