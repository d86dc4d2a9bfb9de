"""The differential test: the same seeded random requests to a server and to the client's own in-memory mode.

`runner` drives; `data`, `filters`, `queries`, `formulas` and `updates` generate; `subjects` and `oracle` answer;
`compare` judges; `explained` lists every place where the in-memory mode is not taken at its word.
"""
