//! The reference against the corpus, and whether the kit notices what it is there to notice.

#[cfg(test)]
mod compare;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod strategies;
