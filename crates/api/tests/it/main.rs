//! The REST door as a whole: requests go through the very service that the server runs, over a database on disk.

mod door;
mod auth;
mod collections;
mod errors;
mod hostile;
mod legacy;
mod listener;
mod points;
mod queries;
mod service;
