//! The reference against the corpus, the comparison against itself, the generators against the validators.

#[cfg(test)]
mod corpus;
