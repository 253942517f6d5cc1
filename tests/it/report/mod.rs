//! Reports: counted again slowly, read back from every format, hidden so that nothing can be worked out, and never
//! anything but text whatever stands in the register.

mod command;
mod compared;
mod formats;
mod hiding;
mod hostile;
mod read_back;
mod register;
mod town;
mod words;
