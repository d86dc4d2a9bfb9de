"""The error tables of test_errors: one row per refusal of wire.md."""
