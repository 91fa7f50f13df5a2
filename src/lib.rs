//! This deployment of Dormouse. What may be said here is in [`app`]; all else is the library's.

pub mod app;
pub mod demo;

dormouse::serve!(app::App);
