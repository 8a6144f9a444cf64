//! A node that discovers others with discv5 and dials them as dialstate says.

fn main() {}
