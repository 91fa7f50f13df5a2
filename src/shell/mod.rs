//! The shell: the only place that names `worker`, JavaScript or the platform.

mod entry;
mod env;
mod host;
mod http;
mod log;
mod object;
mod random;
mod socket;
mod sql;
mod timer;
mod trouble;
