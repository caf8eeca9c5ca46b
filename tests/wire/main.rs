//! The Query protocol from the outside: what botocore sends is read, what is written botocore reads, nothing panics.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod botocore_inputs;
mod hostile;
mod outputs;
mod round_trip;
mod xml_reader;
