"""
I1 to I13, each judged from data alone: Kafka, the files of the lake, PostgreSQL, the truth manifest.

    finding    what came of one invariant; a check that looked at nothing has failed
    layers     I1, I3 to I6: offsets, acknowledgements, dispositions, money, uniqueness (include/reconcile)
    payload    I2: every value of the topic against bronze
    repeats    I7, I8: a rebuild equals the stream, a publish done twice changes nothing
    pollers    I9, I10: nothing torn, nothing goes back; they look while things happen
    stream     I11, I12: alive, nothing silent
    leaks      I13: no e-mail and no password where they do not belong
    checker    all of them together
    report     the table
"""
