//! Everything that needs whole runs or the command: one binary, because each further one links everything again.

mod gil;
mod oracle;
mod probe;
mod theory;
