//! The whole of Raddle from outside, as its users meet it: a file per behaviour.
//!
//! | files          | what they drive                                               |
//! |----------------|---------------------------------------------------------------|
//! | `layers`       | the sources: who imports whom, and what lives where           |
//! | `system_*`     | a [`raddle::Runtime`] with real guests, embedded              |
//! | `tokio_handle` | the same from async tasks                                     |
//! | `cli_*`        | the binary, as a child process                                |
//! | `seccomp`      | the binary where io_uring is forbidden                        |
//! | `wasip2`       | a component that was built the ordinary way                   |
//! | `contract`     | every interface that guests have, used by one                 |
//! | `examples`     | the programs of `examples/`, to their ends                    |
//! | `guide`        | what docs/guide-guests.md has one build                       |

mod access_log;
mod batches;
mod cli_bad_input;
mod cli_cache;
mod cli_call;
mod cli_interrupt;
mod cli_run;
mod cli_show;
mod command;
mod contract;
mod examples;
mod guide;
mod hostile;
mod layers;
mod seccomp;
mod support;
mod suspend;
mod system_failures;
mod system_lifetime;
mod system_limits;
mod system_messages;
mod system_overload;
mod system_supervision;
mod tokio_handle;
mod wasip2;
