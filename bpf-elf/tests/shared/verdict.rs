//! How a program ends that compares.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

/// Prints the report; failure if it is not good, or if there is none.
pub(crate) fn tell<R: Display>(
    report: Result<R, Box<dyn Error>>,
    good: impl Fn(&R) -> bool,
) -> ExitCode {
    match report {
        Ok(report) => {
            println!("{report}");
            if good(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
