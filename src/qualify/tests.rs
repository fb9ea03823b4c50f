//! Tests across the policies.
