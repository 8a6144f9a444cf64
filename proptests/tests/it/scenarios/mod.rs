//! The balanced profile in simulated time, one trouble of real dialers a file: what must hold, in numbers.

mod common;
mod pair;
mod s01_fairness;
mod s02_starvation;
mod s03_leaks;
mod s04_outage;
mod s05_sleep;
mod s06_eclipse;
mod s07_static;
mod s08_inbound;
mod s09_rules;
mod s10_alone;
mod s11_reconfigured;
mod s12_bounded;
mod s13_options;
mod s14_contract;
mod s15_churn;
mod s16_addresses;
mod s17_choice;
mod s18_split;
mod s19_revalidation;
