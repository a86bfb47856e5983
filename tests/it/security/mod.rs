//! Properties that hold for every request: no secret leaves, nothing unjudged passes.

mod canary;
mod properties;
mod selftest;
