"""Models: data sets from replayed history, training, the registry of versions, inference in the stream.

Words that all of it speaks lie here: labels, classes, configuration, what metadata of a version says. Each package
imports what stands below it, never above (import-linter checks it):

    search  leaks  explain  runs  tracking          what a person starts
    serving  assessment  reports  drift             what is made of fitted members
    training  export  backtest
    votes  jobs
    evaluation  registry
    data  champion
    architectures
    trees
"""
