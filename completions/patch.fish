complete --keep-order --exclusive --command patch --arguments "(COMPLETE=fish patch -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
