//! Everything that needs whole runs or the command: one binary, because each further one links everything again.

mod cli;
mod conditions;
mod digests;
mod docs;
mod eevdf;
mod gil;
mod limits;
mod meaning;
mod measured;
mod mutations;
mod oracle;
mod oracle_deadlines;
mod oracle_instructions;
mod oracle_levels;
mod oracle_processes;
mod oracle_shares;
mod probe;
mod properties;
mod reader;
mod real_runs;
mod reasons;
mod scenarios;
mod theory;
mod theory_closed;
mod tidy;
mod validation;
