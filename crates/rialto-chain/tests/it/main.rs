//! The chain's edge on a real chain node.

mod devnet;
mod feed;
mod market;
mod sender;
mod world;
