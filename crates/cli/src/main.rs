//! The program `kindred`: one file per command; it parses arguments and calls.

fn main() {}
